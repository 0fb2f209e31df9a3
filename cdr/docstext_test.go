package cdr

const docsIntro = `<!-- Generated from the tables in cdr/ by: go test ./cdr -update -->

# Placeholders

The texts that an operator writes for FileAcct, SQLAcct, StatusAcct and SyslogAcct may hold placeholders. Names and meanings
are GnuGk's; this page says what each one is for a SIP call.

- ` + "`%x` and `%{name}`" + ` are placeholders; ` + "`%{d}` is the same as `%d`" + `. Names are case-sensitive:
  ` + "`%{ConfId}` is a name, `%{ConfID}`" + ` is none.
- ` + "`%%`" + ` is one percent sign.
- An unknown name stays in the text as it is, and so do a percent sign at the very end and a brace that is not closed. The
  configuration check warns of them.
- A value that was put in is not searched again.
- The user part of a SIP URI is taken without its %-escapes (%34 is 4), but for those of control characters.

Times stand in the format that the module's TimestampFormat names; a time that has not come is empty. Durations are whole
seconds, rounded down, from the monotonic clock, so that setting the wall clock changes no bill. While a call runs, durations count
up to the event. A call that outlives a restart of the gatekeeper is measured by the system's CLOCK_BOOTTIME, and only one that
outlives a restart of the system by the wall clock; ` + "`%{duration-clock}`" + ` says which it was. An end that nobody saw still makes a
duration of at least 1 of a connected call; ` + "`%{end-estimated}`" + ` marks it.
`

const docsTimes = `## Timestamp formats

TimestampFormat is one of the names, in any case, or a text for strftime in the C locale. Times are local times of the process
with the offset valid at that time, or in UTC if the format begins with ` + "`UTC `" + `.
`

const docsConversions = "The conversions are those of POSIX strftime, without flags, widths and the modifiers E and O: `%a` `%A` `%b` `%B` `%c`\n" +
	"`%C` `%d` `%D` `%e` `%F` `%g` `%G` `%h` `%H` `%I` `%j` `%m` `%M` `%n` `%p` `%r` `%R` `%S` `%t` `%T` `%U` `%V` `%w` `%W` `%x` `%X` `%y` `%Y`\n" +
	"`%z` `%Z` `%%`, and GNU's `%k` `%l` `%P` `%s`. `%u` is not the day of the week but, as in GnuGk, the microsecond: `000` in a whole\n" +
	"second, else six digits. An unknown conversion is an error, and so is a text without any, which is a misspelt name.\n"

const docsEscaping = `## Escaping

What a caller sends must not look like a field, a line or a record of ours. In the CDR line, in a CDRString and in the texts of
StatusAcct and SyslogAcct these bytes of a value are written as a percent sign and two upper-case hex digits:

- the separators ` + "`|` and `;`" + `, and the percent sign itself;
- control characters: below 0x20, 0x7F, U+0080 to U+009F; and U+2028 and U+2029, which some readers take for line ends;
- bytes that are no UTF-8;
- in ` + "`%{src-info}` and `%{dest-info}`" + ` also ` + "`=`" + ` inside a name or type, and in ` + "`%{aliases}`" + ` also the comma: to read a list,
  split it at the separator, cut off the type at the last colon, then decode;
- in SyslogAcct, where each value stands in double quotes, also ` + "`\"` and `\\`" + `.

Percent-decoding a value gives back its bytes exactly. ` + "`Escape=0`" + ` writes values raw, as GnuGk does; then a caller can forge fields and
lines. SQL values are bound, not written into the query, so nothing is escaped there.
`

const docsLine = `## The standard CDR line

    CDR|number|call id|seconds|connect time|disconnect time|caller|caller epid|callee|callee epid|dest-info|src-info|gatekeeper;

A call that never connected has 0 seconds and the word ` + "`unconnected`" + ` for its connect time. Addresses are ip:port; an address or
endpoint identifier that is unknown is one blank.
`

const docsDifferences = "## Differences from GnuGk\n\n" +
	"| placeholder | GnuGk | here |\n|---|---|---|\n" +
	"| `%{event-uuid}` | another one in each module | one for the event, in every module and delivery |\n" +
	"| `%{event-time}` | now | when the event happened |\n" +
	"| `%{media-oip}` | documented as the caller's address, but the callee's once known | the caller's |\n" +
	"| `%{aliases}` | `=` inside a name becomes a comma | stays `=` |\n" +
	"| `%u` in a timestamp | leading zeros dropped, 3 digits at least | six digits, or `000` in a whole second |\n" +
	"| `Cisco` timestamps | microseconds in `%{event-time}` | always milliseconds |\n" +
	"| `RFC822`, `ISO8601` | today's offset, also for older times | the offset of that time |\n" +
	"| `%{SIP-Call-ID}`, `%{end-estimated}`, `%{duration-clock}`, `%{sip-status}`, `%{legs}`, `UTC ` | | additions |\n" +
	"| `%s` of on and off | | addition: the Acct-Session-Id of these records |\n"
