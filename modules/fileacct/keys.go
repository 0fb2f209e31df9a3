package fileacct

import (
	"tollgate/acctstack"
	"tollgate/config"
)

// The module has something to open, to flush and to say.
var (
	_ acctstack.Starter = (*Module)(nil)
	_ acctstack.Closer  = (*Module)(nil)
	_ acctstack.Warner  = (*Module)(nil)
)

func keys() []config.Key {
	return []config.Key{
		{Name: "DetailFile", Kind: config.Path, Example: "/var/log/tollgate/cdr.log",
			Doc: "The file for the lines; it is created with mode 0600 if missing, and appended to."},
		{Name: "StandardCDRFormat", Kind: config.Bool,
			Doc: "1 writes the standard CDR line, 0 the CDRString; unset it is 1 exactly if CDRString is empty."},
		{Name: "CDRString", Kind: config.Template, Example: "%s|%g|%u|%{Calling-Station-Id}|%{Called-Station-Id}|%d|%c",
			Doc: "A line of your own, with the placeholders of call events; with %s or %{event-uuid} in it, an interrupted write is never repeated."},
		acctstack.TimestampKey("The form of times; empty means RFC822 in the standard line and the global format in a CDRString."),
		{Name: "Escape", Kind: config.Bool, Default: "1",
			Doc: "1 writes a separator or control character inside a value as %XX; 0 is GnuGk's raw form, which a caller can forge."},
		{Name: "Sync", Kind: config.String, Default: "interval:1s", Check: checkSync,
			Doc: "When lines are forced to the disk: always (before the event counts as stored), interval:TIME, or none."},
	}
}

func foreign() []config.Foreign {
	const reason = "rotate with logrotate: the file is opened anew when it was renamed, and on reload"
	return []config.Foreign{{Name: "Rotate", Reason: reason}, {Name: "RotateTime", Reason: reason}, {Name: "RotateDay", Reason: reason}}
}

func checkSync(raw string) error {
	_, err := config.ParseSync(raw)
	return err
}
