// SPDX-License-Identifier: GPL-2.0
/* vmqosd: adopts the host's VMs and keeps them at their policy. */
#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

#include <vmqos/vmqos.h>

#include "daemon.h"
#include "log.h"
#include "service.h"

static const char usage[] =
	"Usage: vmqosd [OPTION...]\n"
	"\n"
	"Adopts every KVM virtual machine of this host, those that run and those that\n"
	"start later, and applies the policy files.\n"
	"\n"
	"  -c, --config DIR       read policy files from DIR (default " VMQOS_DAEMON_CONFIG ")\n"
	"      --check-config     check the policy files and exit\n"
	"      --once             adopt the VMs that run, apply the policy and exit\n"
	"      --foreground       stay in the foreground (always so)\n"
	"      --release-on-exit  on exit release the VMs that vmqosd has adopted\n"
	"      --socket PATH      take requests there (default " VMQOS_SERVICE_SOCKET ";\n"
	"                         \"\": nowhere)\n"
	"  -v, --verbose          write debug messages too\n"
	"  -h, --help             show this help and exit\n"
	"  -V, --version          show the version and exit\n"
	"\n"
	"SIGHUP reads the policy files again; SIGTERM and SIGINT end vmqosd.\n";

enum mode { RUN, CHECK, ONCE };

enum { OPT_CHECK = 256, OPT_ONCE, OPT_FOREGROUND, OPT_RELEASE, OPT_SOCKET };

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check-config", no_argument, NULL, OPT_CHECK },
	{ "once", no_argument, NULL, OPT_ONCE },
	{ "foreground", no_argument, NULL, OPT_FOREGROUND },
	{ "release-on-exit", no_argument, NULL, OPT_RELEASE },
	{ "socket", required_argument, NULL, OPT_SOCKET },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

int main(int argc, char **argv)
{
	struct vmqos_daemon_options options = {
		.config = VMQOS_DAEMON_CONFIG,
		.socket = VMQOS_SERVICE_SOCKET,
	};
	int option, level = LOG_INFO;
	enum mode mode = RUN;

	while ((option = getopt_long(argc, argv, "c:vhV", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			options.config = optarg;
			options.config_given = true;
			break;
		case OPT_CHECK:
			mode = CHECK;
			break;
		case OPT_ONCE:
			mode = ONCE;
			break;
		case OPT_FOREGROUND:
			break;
		case OPT_RELEASE:
			options.release_on_exit = true;
			break;
		case OPT_SOCKET:
			options.socket = *optarg ? optarg : NULL;
			break;
		case 'v':
			level = LOG_DEBUG;
			break;
		case 'h':
			fputs(usage, stdout);
			return EX_OK;
		case 'V':
			printf("vmqosd %s\n", vmqos_version());
			return EX_OK;
		default:
			fputs("Try 'vmqosd --help'.\n", stderr);
			return EX_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "vmqosd: '%s' is no option: vmqosd takes options only, see 'vmqosd --help'\n",
			argv[optind]);
		return EX_USAGE;
	}

	vmqos_daemon_log_open(level);
	switch (mode) {
	case CHECK:
		return vmqos_daemon_check(&options);
	case ONCE:
		return vmqos_daemon_once(&options);
	default:
		return vmqos_daemon_run(&options);
	}
}
