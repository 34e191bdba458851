# The life of the unit under a real systemd. Each answer is a line "name: value" for the test that reads them.
say() { printf '%s: %s\n' "$1" "$(echo "$2" | tr '\n' ' ' | sed 's/ *$//')"; }
show() { systemctl show etmemd -p "$1" --value; }
started() { etmem project show --json | tr -d '\n' | grep -o '"name": "[pq]", *"started": [a-z]*' | sed 's/[" ]//g'; }
until_is() { for _ in $(seq 200); do [ "$(show "$1")" = "$2" ] && return; sleep 0.1; done; say "no $1=$2" "$(show "$1")"; }
config() { printf '[project]\nname=%s\nloop=1\ninterval=1\nsleep=1\n%s\n' "$1" "$2" >"/etc/etmem/conf.d/$1.conf"; chmod 600 "/etc/etmem/conf.d/$1.conf"; }

config p start=yes
systemctl start etmemd
say "start" "$? $(show ActiveState) $(show SubState)"
say "status after start" "$(show StatusText)"
say "projects after start" "$(started)"

config q start=yes
systemctl reload etmemd
say "reload" "$? $(show ActiveState)"
say "status after reload" "$(show StatusText)"
say "projects after reload" "$(started)"

echo 'loop=0' >>/etc/etmem/conf.d/p.conf
says=$(systemctl reload etmemd 2>&1)
say "wrong reload" "$? $(show ActiveState) $(show SubState)"
say "ExecReload's exit" "$(systemctl show etmemd -p ExecReload | grep -o 'status=[0-9]*')"
say "status after wrong reload" "$(show StatusText)"
say "projects after wrong reload" "$(started)"
say "log of wrong reload" "$(grep -o 'p.conf:7: .*' /run/lab/etmemd.log | head -1)"
config p start=yes
systemctl kill -s HUP etmemd
for _ in $(seq 100); do case "$(show StatusText)" in *errors*|*error*) sleep 0.1 ;; *) break ;; esac; done
say "status after SIGHUP" "$(show StatusText)"

etmem project stop -n p
before=$(show MainPID)
kill -STOP "$before"
until_is NRestarts 1
until_is ActiveState active
say "watchdog" "$(show NRestarts) $(show ActiveState) $([ "$(show MainPID)" != "$before" ] && echo another process)"
say "status after watchdog" "$(show StatusText)"
say "projects after watchdog" "$(started)"

systemctl restart etmemd
say "restart" "$? $(show ActiveState)"
say "projects after restart" "$(started)"
# Rounds with all that the unit takes away, if there is swap: page tables by BPF, faults by perf, moving by process_madvise.
if [ -e /run/lab/swap ]; then
  # Its memory stays as long as its standard input.
  mkfifo /run/hold && exec 9<>/run/hold
  setpriv --reuid 65534 --regid 65534 --clear-groups etmem workload --until-eof --size 64M <&9 >/dev/null &
  printf '[project]\nname=w\nloop=1\ninterval=1\nsleep=1\nstart=yes\n[engine]\nname=slide\nproject=w\n' >/etc/etmem/conf.d/w.conf
  printf '[task]\nproject=w\nengine=slide\nname=t\ntype=pid\nvalue=%s\nT=1\n' $! >>/etc/etmem/conf.d/w.conf
  chmod 600 /etc/etmem/conf.d/w.conf
  : >/run/lab/etmemd.log
  systemctl reload etmemd
  mib() { etmem stats -n w --json | grep -o '"outBytes": *[0-9]*' | head -1 | awk -F'[ :]+' '{ print int($NF / 1048576) }'; }
  for _ in $(seq 100); do [ "$(mib)" -ge 40 ] && break; sleep 0.2; done
  say "swapped out" "$([ "$(mib)" -ge 40 ] && echo "40 MiB or more" || mib)"
  say "rung under the unit" "$(grep -o 'tracker=[a-z_]* exactness=[a-z]* mover=[a-z_]*' /run/lab/etmemd.log | head -1)"
  say "refused to the unit" "$(grep -o 'what comes back is only seen.*\|.*\(EPERM\|EACCES\|EROFS\).*' /run/lab/etmemd.log | head -3)"
  rm /etc/etmem/conf.d/w.conf
  systemctl reload etmemd
  kill $!
fi
# A library of a third party, with all that the unit takes away.
if [ -e /run/lab/third.conf ]; then
  cp /run/lab/third.conf /etc/etmem/conf.d/
  systemctl reload etmemd
  say "library" "$? $(etmem engine tell -n third -e mine -t t1 | grep -o 'calls fill_eng mine')"
  rm /etc/etmem/conf.d/third.conf
  systemctl reload etmemd
fi
say "exposure" "$(systemd-analyze security etmemd.service --no-pager | grep -o 'level for .*: [0-9.]*' | grep -o '[0-9.]*$')"
systemctl stop etmemd
say "stop" "$? $(show ActiveState) $(show Result) $(show ExecMainStatus)"
say "left" "$(ls /run/etmem /run/etmemd.pid 2>/dev/null)"
say "nobody answers" "$(etmem project show 2>/dev/null; echo $?)"

systemctl start guide
say "forking unit" "$? $(systemctl show guide -p ActiveState --value) $(systemctl show guide -p SubState --value)"
say "its pid file" "$([ "$(cat /run/etmemd.pid)" = "$(systemctl show guide -p MainPID --value)" ] && echo is the main process)"
etmem obj add -f /etc/etmem/conf.d/p.conf
say "its daemon" "$? $(started)"
systemctl stop guide
say "forking unit stopped" "$? $(systemctl show guide -p Result --value) $(ls /run/etmemd.pid 2>/dev/null)"
