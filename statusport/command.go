package statusport

import (
	"slices"
	"strings"

	"go.uber.org/zap"
)

// invocation is one command line.
type invocation struct {
	text string   // as typed, without the blanks around it
	args []string // what follows the command
}

// command is one entry of the command table. run gives the reply; ok is false if the arguments are wrong.
type command struct {
	name  string   // as GnuGk's manual spells it
	short []string // other names, in lower case
	usage string   // the arguments; for the syntax error
	acts  bool     // it changes something, so its use is logged
	run   func(c *client, in invocation) (reply []byte, ok bool)
}

// commandTable is every command of this port.
func commandTable() []command {
	return []command{
		{name: "Help", short: []string{"h"}, run: (*client).help},
		{name: "Version", short: []string{"v"}, run: (*client).version},
		{name: "Statistics", short: []string{"s"}, run: (*client).statistics},
		{name: "PrintCurrentCalls", short: []string{"pcc", "c", "!"}, run: (*client).printCurrentCalls},
		{name: "DisconnectCall", short: []string{"dc"}, usage: "CALL_NUMBER [CALL_NUMBER...]", acts: true,
			run: (*client).disconnectCall},
		{name: "DisconnectCallId", short: []string{"dcid"}, usage: "CALL_ID", acts: true,
			run: (*client).disconnectCallID},
		{name: "Modules", short: []string{"mod"}, run: (*client).modules},
		{name: "Spool", short: []string{"sp"}, usage: "[NUMBER up to 1000]", run: (*client).spool},
		{name: "Gateways", short: []string{"gw"}, run: (*client).gateways},
		{name: "Blocked", short: []string{"bl"}, run: (*client).blocked},
		{name: "Unblock", short: []string{"ub"}, usage: "ADDRESS", acts: true, run: (*client).unblock},
		{name: "Limits", short: []string{"lim"}, run: (*client).limits},
		{name: "MaintenanceMode", short: []string{"maintenance"}, usage: "[OFF]", acts: true, run: (*client).maintenanceMode},
		{name: "Who", run: (*client).who},
		{name: "Yell", run: (*client).yell},
		{name: "DisconnectSession", short: []string{"ds"}, usage: "SESSION_ID", acts: true,
			run: (*client).disconnectSession},
		{name: "Trace", usage: `0|1|2|"min"|"max"`, run: (*client).trace},
		{name: "Reload", usage: "[AcctConfig|AuthConfig|CapConfig|EpConfig]", acts: true, run: (*client).reload},
		{name: "Shutdown", acts: true, run: (*client).shutdown},
		{name: "Exit", short: []string{"quit", "q"}, run: (*client).exit},
	}
}

// gnugkCommands are the commands of GnuGk that do not exist here. They take part in the completion of prefixes, so that
// a prefix means what it means there, or is an error; "r" must not become a reload.
const gnugkCommands = `!! ? ?? addexcludefilter addincludefilter bindandroutetogateway brtg cc clearcalls cv dca de debug
	dip disconnectalias disconnectendpoint disconnectip f filter find findverbose fv gai gci getacctinfo getauthinfo
	getlicensestatus getserverid gk makecall mc pac par parv pccp pccv pci peq pn printallcached
	printallconfigswitches printallregistrations printallregistrationsverbose printcallinfo printcc printcurrentcallsports
	printcurrentcallsverbose printendpointqos printeventbacklog printexcludefilters printincludefilters printneighbors
	printpc printprefixcapacities r rc removeexcludefilter removeincludefilter reroutecall resetcallcounters rl rotatelog
	routereject routetoalias routetogateway routetointernalgateway rr rrc rta rtg rtig rv sendproceeding setlog tc
	transfercall ua uae uip unregisteralias unregisterallendpoints unregisterip`

// commandSet finds commands by name.
type commandSet struct {
	byName map[string]*command // nil for the names of gnugkCommands
	names  []string            // all keys of byName, sorted
}

func newCommandSet() commandSet {
	set := commandSet{byName: make(map[string]*command)}
	for _, name := range strings.Fields(gnugkCommands) {
		set.byName[name] = nil
	}
	table := commandTable()
	for i := range table {
		set.byName[strings.ToLower(table[i].name)] = &table[i]
		for _, name := range table[i].short {
			set.byName[name] = &table[i]
		}
	}
	for name := range set.byName {
		set.names = append(set.names, name)
	}
	slices.Sort(set.names)
	return set
}

// find takes a name, or a prefix that only one name begins with, in any case. It returns nil if there is none.
func (set commandSet) find(name string) *command {
	name = strings.ToLower(name)
	if cmd, ok := set.byName[name]; ok {
		return cmd
	}
	i, _ := slices.BinarySearch(set.names, name)
	if i == len(set.names) || !strings.HasPrefix(set.names[i], name) {
		return nil
	}
	if i+1 < len(set.names) && strings.HasPrefix(set.names[i+1], name) {
		return nil
	}
	return set.byName[set.names[i]]
}

// execute runs one command line and gives the reply.
func (c *client) execute(text string) []byte {
	words := strings.Fields(text)
	if len(words) == 0 {
		return nil
	}
	in := invocation{text: strings.TrimSpace(text), args: words[1:]}
	cmd := c.server.commands.find(words[0])
	if cmd == nil {
		return line("Error: Unknown command '" + in.text + "'")
	}
	if cmd.acts {
		c.server.log.Info("status port command",
			zap.Uint64("session", c.id), zap.String("peer", c.peer), zap.String("command", in.text))
	}
	reply, ok := cmd.run(c, in)
	if !ok {
		return line("Syntax Error: " + cmd.name + " " + cmd.usage)
	}
	return reply
}
