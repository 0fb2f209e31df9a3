package peer

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// Kamailio is a Kamailio as an accounting proxy: stateful, record-routing, UDP only, every INVITE relayed to one callee.
// It writes what its acc module gives to syslog: a line for the INVITE transaction, one for the BYE, and the dialog's
// CDR, three lines for a complete call.
type Kamailio struct {
	Callee    string // host:port
	Socket    string // the path of the datagram socket that is /dev/log to it
	Port      int    // its UDP port; 0 = a free one
	Processes int    // that receive on the port; 0 = 4
}

// kamailioConfig is the route script of Kamailio's documentation for a record-routing proxy, with accounting. NOTICE, the
// level of acc's lines, is printed from debug=1 on.
const kamailioConfig = `#!KAMAILIO
debug=1
log_stderror=no
log_facility=LOG_LOCAL0
children=%[1]d
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:127.0.0.1:%[2]d
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "dialog.so"
loadmodule "acc.so"
modparam("tm", "fr_timer", 5000)
modparam("rr", "enable_full_lr", 0)
modparam("rr", "append_fromtag", 0)
modparam("dialog", "hash_size", 16384)
modparam("dialog", "dlg_match_mode", 1)
modparam("acc", "log_level", 1)
modparam("acc", "log_flag", 1)
modparam("acc", "log_missed_flag", 2)
modparam("acc", "failed_transaction_flag", 3)
modparam("acc", "log_extra", "src_user=$fU;src_ip=$si;dst_user=$rU")
modparam("acc", "cdr_enable", 1)
modparam("acc", "cdr_log_enable", 1)
modparam("acc", "cdr_start_on_confirmed", 1)
modparam("acc", "cdr_extra", "call_id=$ci;src_user=$fU;dst_user=$tU")

request_route {
	if (!mf_process_maxfwd_header("10")) {
		sl_send_reply("483", "Too Many Hops");
		exit;
	}
	if (is_method("CANCEL")) {
		if (t_check_trans()) t_relay();
		exit;
	}
	if (has_totag()) {
		if (loose_route()) {
			if (is_method("BYE")) {
				setflag(1);
				setflag(3);
			}
			if (!t_relay()) sl_reply_error();
			exit;
		}
		if (is_method("ACK")) {
			if (t_check_trans()) t_relay();
			exit;
		}
		sl_send_reply("404", "Not here");
		exit;
	}
	t_check_trans();
	if (is_method("INVITE")) {
		dlg_manage();
		setflag(1);
		setflag(2);
	}
	record_route();
	$du = "sip:%[3]s";
	if (!t_relay()) sl_reply_error();
}
`

// privateDev runs the command after its second argument in a /dev of its own, where log is the socket that the second
// argument names. The first is an empty directory for it.
const privateDev = `set -e
dir=$1 socket=$2
shift 2
mount -t tmpfs -o mode=755 tmpfs "$dir"
for d in null zero full random urandom; do
	: > "$dir/$d"
	mount --bind "/dev/$d" "$dir/$d"
done
mkdir "$dir/shm"
mount --bind /dev/shm "$dir/shm"
ln -s "$socket" "$dir/log"
mount --rbind "$dir" /dev
exec "$@"
`

// KamailioProxy is a running Kamailio.
type KamailioProxy struct {
	Addr string // host:port
	*Process
}

// Start starts Kamailio, with its files in dir, and waits until it listens. It sees the machine as it is, but for a
// private /dev/log: that takes a mount namespace and thereby root or user namespaces. The caller stops it with Kill.
func (k Kamailio) Start(ctx context.Context, dir string) (*KamailioProxy, error) {
	var err error
	if k.Port == 0 {
		if k.Port, err = FindPort("udp"); err != nil {
			return nil, err
		}
	}
	if k.Processes == 0 {
		k.Processes = 4
	}
	program, err := find("kamailio")
	if err != nil {
		return nil, err
	}
	conf, dev := filepath.Join(dir, "kamailio.cfg"), filepath.Join(dir, "dev")
	text := fmt.Sprintf(kamailioConfig, k.Processes, k.Port, k.Callee)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dev, 0o755); err != nil {
		return nil, err
	}
	args := []string{"--mount"}
	if os.Geteuid() != 0 {
		args = append(args, "--map-root-user")
	}
	// -b is the size of the receive buffer, -m and -M the limits of shared and private memory in MiB.
	args = append(args, "sh", "-c", privateDev, "sh", dev, k.Socket,
		program, "-DD", "-f", conf, "-Y", dir, "-b", "4194304", "-m", "4096", "-M", "32")
	p, err := Start(dir, "unshare", args...)
	if err != nil {
		return nil, err
	}
	if err := p.WaitReady(ctx, func() bool { return Listening("udp", k.Port) }); err != nil {
		p.Kill()
		return nil, err
	}
	return &KamailioProxy{Addr: net.JoinHostPort(Loopback, strconv.Itoa(k.Port)), Process: p}, nil
}

// Kill ends Kamailio. The main process gets the chance to wait for its children, which nobody else may do.
func (k *KamailioProxy) Kill() { k.Stop(syscall.SIGTERM) }
