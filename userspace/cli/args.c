// SPDX-License-Identifier: GPL-2.0
/* Values of options and arguments of commands. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "cli.h"

int vmqos_next_option(const struct vmqos_cli *cli, int argc, char **argv, const char *shorts,
		      const struct option *longs)
{
	int at = optind ? optind : 1;
	const char *word = at < argc ? argv[at] : "";
	int option;

	opterr = 0;
	option = getopt_long(argc, argv, shorts, longs, NULL);
	if (option == '?' || option == ':') {
		/* Operands may have been passed over on the way to the option. */
		if (optind > at && optind <= argc && argv[optind - 1][0] == '-')
			word = argv[optind - 1];
		if (option == ':')
			vmqos_say_usage(cli, "%s needs a value", word);
		else
			vmqos_say_usage(cli, "there is no option \"%s\"", word);
		return '?';
	}
	return option;
}

int vmqos_arg_number(const struct vmqos_cli *cli, const char *what, const char *text, uint64_t min,
		     uint64_t max, uint64_t *value)
{
	if (!vmqos_number_parse(text, min, max, value))
		return VMQOS_EXIT_OK;
	return vmqos_say_usage(cli, "%s is \"%s\" and must be a whole number from %llu to %llu",
			       what, text, (unsigned long long)min, (unsigned long long)max);
}

int vmqos_arg_name(const struct vmqos_cli *cli, const char *text,
		   struct vmqos_vm_settings *settings)
{
	const char *wrong = vmqos_name_check(text);

	if (wrong)
		return vmqos_say_usage(cli, "\"%s\" cannot be a name: %s", text, wrong);
	strcpy(settings->name, text);
	settings->set |= VMQOS_HAS(VMQOS_VM_NAME);
	return VMQOS_EXIT_OK;
}

int vmqos_arg_uuid(const struct vmqos_cli *cli, const char *text,
		   struct vmqos_vm_settings *settings)
{
	if (vmqos_uuid_parse(text, settings->uuid))
		return vmqos_say_usage(cli,
				       "\"%s\" is no UUID; one has 32 hexadecimal digits, as in 123e4567-e89b-12d3-a456-426614174000",
				       text);
	settings->set |= VMQOS_HAS(VMQOS_VM_UUID);
	return VMQOS_EXIT_OK;
}

int vmqos_arg_cpu(struct vmqos_cli *cli, const char *what, const char *text, uint32_t *ppm)
{
	struct vmqos_cpu_amount amount;
	char why[160];
	int err;

	if (vmqos_cpu_parse(text, &amount, why, sizeof(why)))
		return vmqos_say_usage(cli, "%s is \"%s\", which %s", what, text, why);
	err = vmqos_cpu_ppm(&amount, amount.khz ? vmqos_cli_khz(cli) : 0, ppm);
	/* What keeps the frequency from being known keeps the change from being made. */
	if (err == -ENODATA)
		return vmqos_say_failure(cli);
	if (err)
		return vmqos_say_usage(cli, "%s is \"%s\", which is more than any host has", what,
				       text);
	return VMQOS_EXIT_OK;
}

int vmqos_arg_switch(const struct vmqos_cli *cli, const char *what, const char *text, bool *value)
{
	if (!vmqos_switch_parse(text, value))
		return VMQOS_EXIT_OK;
	return vmqos_say_usage(cli, "%s is \"%s\" and must be on or off", what, text);
}

int vmqos_arg_seconds(const struct vmqos_cli *cli, const char *what, const char *text,
		      uint64_t min_ns, uint64_t max_ns, uint64_t *ns)
{
	char with_unit[64];
	int err;

	err = vmqos_duration_parse(text, ns);
	if (err == -EINVAL && strlen(text) < sizeof(with_unit) - 1) {
		snprintf(with_unit, sizeof(with_unit), "%ss", text);
		err = vmqos_duration_parse(with_unit, ns);
	}
	if (!err && *ns >= min_ns && *ns <= max_ns)
		return VMQOS_EXIT_OK;
	return vmqos_say_usage(cli, "%s is \"%s\" and must be from %g to %g seconds, as in 2, 0.5 or 500ms",
			       what, text, min_ns / 1e9, max_ns / 1e9);
}

int vmqos_arg_vm(const struct vmqos_cli *cli, const char *text, struct vmqos_vm *vm)
{
	int err = vmqos_vm_find(cli->ctx, text, vm);

	if (err == -ENOENT) {
		vmqos_say("%s: %s", text, vmqos_error(cli->ctx));
		return VMQOS_EXIT_FAILED;
	}
	return err ? vmqos_say_failure(cli) : VMQOS_EXIT_OK;
}
