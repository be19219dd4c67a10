// Goes on to the other provider by itself.
location.assign(document.getElementById('go-on').href);
