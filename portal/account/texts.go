package account

import "fmt"

// The mails' texts. Each gets the portal's address and the user's name first.

const verifyText = `Somebody, hopefully you, wants to use this address for the account %[2]s at %[1]s.

If that is right, open this link within a day and press the button there:

%[3]s

If not, do nothing: the address will not be used.
`

const resetText = `Somebody, hopefully you, wants to choose another password for the account %[2]s at %[1]s.

Open this link within 30 minutes. It works once:

%[3]s

You will be logged out everywhere. If your account has a second factor, it is asked for as ever.
If it was not you, do nothing: your password stays as it is.
`

const passwordText = `The password of your account %[2]s at %[1]s was changed on %[3]s, and every other login was ended.

If it was not you, choose another password at once:

%[1]s/forgot
`

const factorText = `On %[3]s something about the second factors of your account %[2]s at %[1]s happened:

%[4]s

If it was not you, change your password at once, then look at your second factors:

%[1]s/account
`

const deviceText = `On %[3]s somebody logged in to your account %[2]s at %[1]s from a device that is new:

Address: %[4]s
Device: %[5]s

If it was not you, end that login and change your password:

%[1]s/account
`

const claimText = `On %[3]s somebody tried to claim a camera that is yours. It was refused, and the camera stays yours.

Camera: %[4]s

Whoever tried has its id, and perhaps has read its label. Keep it where others cannot read it.
Your account %[2]s: %[1]s/home
`

// fill puts values into a text.
func fill(text string, values ...string) string {
	args := make([]any, len(values))
	for i, value := range values {
		args[i] = value
	}
	return fmt.Sprintf(text, args...)
}
