// Package network tells when the machine's addresses have changed: another Wi-Fi, a cable that was
// pulled, a new lease. What was connected before may then be dead without anyone having noticed.
package network
