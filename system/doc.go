// Package system makes rootwalk the resolver of a Linux host, and undoes that.
//
// [Look] finds out who answers for the host now: what /etc/resolv.conf says and who
// writes it (systemd-resolved, NetworkManager, resolvconf, dhclient ...), and who has
// port 53. [Facts.Plan] says what has to change, as steps; it touches nothing.
// [Host.Install] goes through the steps, and [Host.Uninstall] back.
//
// What a step replaces is written down before, in a journal that only root can read
// or change ([JournalDir]), so that each of these holds whenever the process or the
// host dies: a file is the old one or the new one, and the journal knows the old one.
// A file that is neither was changed by somebody else, and is theirs: it is told, and
// left alone.
//
// Nothing asks the new server before it has shown that it resolves. Where it does not,
// or a later step fails, what was done is undone again.
//
// Paths are those of the host. Where its root is another folder (an image that is
// being built, a test), no link leads out of that folder.
package system
