// Package mail sends what people are told by mail. Nobody waits for it: a mail is written and sent in the
// background, and tried again for an hour while the server cannot be reached.
//
// Without a mail server, mails become files in a folder, and whoever runs the portal passes them on. That is
// the default, and pages say so.
package mail
