# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Start the test host's QEMU and watch it to its end.  Part of scripts/testhost: it
# works on that script's options and leaves its results in that script's variables.
# shellcheck disable=SC2034,SC2154
# shellcheck disable=SC2054 # QEMU's arguments have commas in them

# qemu_command: fills qemu=(...) from the options of scripts/testhost.
qemu_command() {
	local cmdline node first last each
	local -a accel numa=()

	if [ "$clock" = icount ]; then
		# Virtual time is the count of instructions: exact, repeatable, and
		# untouched by whatever else the machine does.
		accel=(-accel tcg,thread=single -icount "shift=$icount_shift,sleep=off"
			-rtc base=utc,clock=vm)
	elif [ "$clock" = single ]; then
		accel=(-accel tcg,thread=single -rtc base=utc)
	else
		accel=(-accel tcg,thread=multi -rtc base=utc)
	fi

	cmdline="console=ttyS0 loglevel=7 panic=-1 oops=panic mitigations=off nokaslr"
	# Detectors that measure time are given room: an emulated CPU may itself wait.
	cmdline+=" tsc=reliable watchdog_thresh=60 softlockup_panic=1 rcupdate.rcu_cpu_stall_timeout=120"
	cmdline+=" rcupdate.rcu_exp_cpu_stall_timeout=0"
	# Where its CPUs are when it hangs: see qemu_dissect.
	cmdline+=" unknown_nmi_panic=1 panic_print=0x40"
	[ "$kernel" != debug ] || [ "$kmemleak" = 1 ] || cmdline+=" kmemleak=off"
	[ -z "$append" ] || cmdline+=" $append"

	qemu=(setpriv --pdeathsig KILL "${emulator[@]}"
		-name vmqos-testhost -nodefaults -no-user-config -no-reboot
		-display none -machine q35 -cpu max,la57=off
		"${accel[@]}" -m "$memory")
	if [ "$numa_nodes" -gt 1 ]; then
		for ((node = 0; node < numa_nodes; node++)); do
			first=$((node * cpus / numa_nodes))
			last=$(((node + 1) * cpus / numa_nodes - 1))
			each=$((memory_mib * (node + 1) / numa_nodes - memory_mib * node / numa_nodes))
			numa+=(-object "memory-backend-ram,id=node$node,size=${each}M"
				-numa "node,nodeid=$node,memdev=node$node,cpus=$first-$last")
		done
	fi
	# As in real hosts the CPUs of a node share a cache, which the scheduler goes by.
	qemu+=(-smp "$cpus,sockets=$numa_nodes,cores=$((cpus / numa_nodes)),threads=1"
		${numa[@]+"${numa[@]}"})
	qemu+=(-kernel "$kernel_dir/vmlinux" -initrd "$run/initrd" -append "$cmdline"
		-chardev "file,id=console,path=$run/console.log" -serial chardev:console
		-fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap
		-device virtio-9p-pci,fsdev=root,mount_tag=root
		-fsdev "local,id=scratch,path=$scratch,security_model=none,multidevs=remap"
		-device virtio-9p-pci,fsdev=scratch,mount_tag=scratch
		-device virtio-serial-pci,max_ports=5
		-add-fd fd=3,set=1 -chardev file,id=out,path=/dev/fdset/1,append=on
		-device virtserialport,nr=1,chardev=out,name=out
		-add-fd fd=4,set=2 -chardev file,id=err,path=/dev/fdset/2,append=on
		-device virtserialport,nr=2,chardev=err,name=err
		-chardev "pipe,id=control,path=$run/control"
		-device virtserialport,nr=3,chardev=control,name=control
		-chardev "pipe,id=monitor,path=$run/monitor" -mon chardev=monitor,mode=readline)
	if [ "$tty" = 1 ]; then
		qemu+=(-chardev stdio,id=tty,signal=off -device virtconsole,nr=4,chardev=tty)
	fi
	qemu+=("${qemu_extra[@]}")
}

# qemu_output FD COPY: make COPY a descriptor that leads where FD leads and that QEMU
# takes, which is one for writing only.  Sharing FD keeps the place in a file.
qemu_output() {
	local flags

	flags=$(awk '$1 == "flags:" { print $2 }' "/proc/$$/fdinfo/$1")
	if [ $((8#$flags & 3)) = 1 ]; then
		eval "exec $2>&$1"
	elif [ -t "$1" ]; then
		eval "exec $2>/proc/$$/fd/$1"
	else
		eval "exec $2> >(exec cat >&$1)"
		qemu_copiers+=($!)
	fi
}

# qemu_boot: one boot, until the end or until it is known to be hung.  Sets
# outcome (done, refused, hung, silent, ended, unbooted) and status, why.
qemu_boot() {
	local control ask monitor order chunk line='' now seen asked=0 unanswered=0 started=$SECONDS ready=0

	rm -f -- "$run"/control.{in,out} "$run"/monitor.{in,out} "$run"/{console,hung}.log
	qemu_copiers=()
	qemu_output 1 3
	qemu_output 2 4
	mkfifo "$run"/control.{in,out} "$run"/monitor.{in,out}
	: >"$run/console.log"
	exec {control}<>"$run/control.out" {ask}<>"$run/control.in" \
		{monitor}<>"$run/monitor.out" {order}<>"$run/monitor.in"
	if [ "$tty" = 1 ]; then
		"${qemu[@]}" </dev/tty 2>"$run/qemu.log" &
	else
		"${qemu[@]}" </dev/null >"$run/qemu.log" 2>&1 &
	fi
	qemu_pid=$!
	exec 3>&- 4>&-
	outcome='' status='' why=''
	seen=$SECONDS
	while [ -z "$outcome" ]; do
		if IFS= read -r -t 1 -u "$control" chunk; then
			line+=$chunk
			seen=$SECONDS asked=0 unanswered=0
			case $line in
			ready)
				ready=1
				[ "$verbose" = 0 ] || vmqos_say "ready after $((SECONDS - started)) s"
				;;
			exit\ *) outcome='done' status=${line#exit } ;;
			refuse\ *) outcome=refused why=${line#refuse } ;;
			esac
			line=
			continue
		fi
		line+=$chunk
		now=$SECONDS
		if ! kill -0 "$qemu_pid" 2>/dev/null; then
			outcome=ended
		elif [ $((now - started)) -ge "$timeout" ]; then
			outcome=hung why="the time limit of $timeout s is over (--timeout)"
		elif [ $ready = 0 ]; then
			[ $((now - started)) -lt "$boot_limit" ] || outcome=unbooted
		elif [ "$clock" != icount ] && [ $((now - seen - asked * 30)) -ge 30 ]; then
			# Asked every half minute; under the instruction clock never,
			# since the answer would cost instructions.
			asked=$((asked + 1)) unanswered=$((unanswered + 1))
			[ $unanswered -le 5 ] || outcome=hung why="the test host has not answered for $((now - seen)) s"
			echo ping >&"$ask"
		fi
	done
	if [ "$outcome" = "done" ] || [ "$outcome" = refused ]; then
		# It is about to power off; this also drains the console.
		for ((now = 0; now < 100; now++)); do
			kill -0 "$qemu_pid" 2>/dev/null || break
			sleep 0.1
		done
	fi
	[ "$outcome" != hung ] || qemu_dissect
	qemu_end
	[ ${#qemu_copiers[@]} = 0 ] || wait "${qemu_copiers[@]}"
	if [ "$outcome" = ended ] && [ $ready = 0 ]; then
		outcome=unbooted
		if [ ! -s "$run/console.log" ]; then
			outcome=refused why="QEMU does not start"
		fi
	fi
	exec {control}<&- {ask}>&- {monitor}<&- {order}>&-
}

# Find out where the CPUs of a test host are that has hung, in hung.log: first what
# they hold, then what the kernel says to an NMI, which reaches it with interrupts
# off, too.  That belongs to no complaint of its own: the console's log stays as it was.
qemu_dissect() {
	local size line second

	size=$(stat -c %s "$run/console.log")
	echo "info registers -a" >&"$order"
	while IFS= read -r -t 3 -u "$monitor" line; do
		printf '%s\n' "${line%$'\r'}"
	done | grep -E '^(CPU#|RAX|RSI|R8 |R12|RIP|CR0)' >"$run/hung.log" || true
	echo nmi >&"$order"
	for ((second = 0; second < 20; second++)); do
		kill -0 "$qemu_pid" 2>/dev/null || break
		sleep 1
	done
	tail -c "+$((size + 1))" "$run/console.log" >>"$run/hung.log"
	truncate -s "$size" "$run/console.log"
}

# End QEMU, wherever it is.
qemu_end() {
	[ -n "${qemu_pid:-}" ] || return 0
	kill -KILL "$qemu_pid" 2>/dev/null || true
	wait "$qemu_pid" 2>/dev/null || true
	qemu_pid=''
}
