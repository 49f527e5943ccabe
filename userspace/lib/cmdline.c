// SPDX-License-Identifier: LGPL-2.1+
/*
 * Reading a VMM's command line. The input is whatever a process has put into
 * its argument area, so nothing about it is taken for granted.
 *
 * QEMU's options may have one or two dashes. Their parameters are separated
 * by commas, a comma inside a value is doubled, and the first parameter may
 * do without its key ("-name web" is "-name guest=web").
 */
#include <stdio.h>
#include <string.h>

#include <vmqos/vmqos.h>

#include "cmdline.h"

#define VALUE_SIZE	256

struct args {
	const char *text;
	size_t size;
	size_t at;
};

/* The next argument, always closed by a NUL inside the text; NULL at the end. */
static const char *next_arg(struct args *args)
{
	const char *arg = args->text + args->at;
	const char *end;

	if (args->at >= args->size)
		return NULL;
	end = memchr(arg, '\0', args->size - args->at);
	if (!end)
		return NULL;	/* cut short by the kernel or the process */
	args->at = end - args->text + 1;
	return arg;
}

/* The option's name without its dashes, or NULL when it is no option. */
static const char *option_name(const char *arg)
{
	if (arg[0] != '-' || !arg[1])
		return NULL;
	return arg[1] == '-' ? arg + 2 : arg + 1;
}

/*
 * Copies one value from @text up to a single comma, undoubling commas, and
 * returns where the next parameter begins, or NULL at the end.
 */
static const char *copy_value(const char *text, char *value, size_t size)
{
	size_t used = 0;

	for (; *text; text++) {
		if (*text == ',') {
			if (text[1] != ',')
				break;
			text++;
		}
		if (used + 1 < size)
			value[used++] = *text;
	}
	value[used] = '\0';
	return *text ? text + 1 : NULL;
}

/*
 * Value of parameter @key in an option's text. @implied: the first parameter
 * may lack its key. Returns whether it is there.
 */
static bool find_param(const char *text, const char *key, bool implied, char *value, size_t size)
{
	size_t length = strlen(key);
	bool first = true;
	bool found = false;

	while (text) {
		char scratch[VALUE_SIZE];
		const char *equals = strchr(text, '=');
		const char *comma = strchr(text, ',');
		bool keyed = equals && (!comma || equals < comma);

		if (keyed && (size_t)(equals - text) == length && !memcmp(text, key, length)) {
			/* QEMU takes the last one of several. */
			text = copy_value(equals + 1, value, size);
			found = true;
		} else if (first && implied && !keyed) {
			text = copy_value(text, value, size);
			found = true;
		} else {
			text = copy_value(text, scratch, sizeof(scratch));
		}
		first = false;
	}
	return found;
}

void vmqos_name_clean(char *name, size_t size, const char *text)
{
	size_t i;

	for (i = 0; text[i] && i + 1 < size && i < VMQOS_NAME_MAX; i++) {
		char c = text[i];

		name[i] = c > ' ' && c <= '~' && c != '/' ? c : '_';
	}
	name[i] = '\0';
}

static bool is_qemu(const char *argv0)
{
	const char *base = strrchr(argv0, '/');

	base = base ? base + 1 : argv0;
	return strstr(base, "qemu") || !strcmp(base, "kvm");
}

static void copy_path(struct vmqos_process *process, const char *path)
{
	if (strlen(path) < sizeof(process->qmp_path))
		strcpy(process->qmp_path, path);
}

/* The path of -qmp unix:PATH,server=on and of -qmp-pretty. */
static void take_qmp(struct vmqos_process *process, const char *text)
{
	char path[VALUE_SIZE];

	if (strncmp(text, "unix:", 5))
		return;
	copy_value(text + 5, path, sizeof(path));
	copy_path(process, path);
}

/*
 * The path of a monitor in two options, as libvirt writes it: "-chardev
 * socket,id=ID,path=PATH" and "-mon chardev=ID,mode=control". The character
 * device is looked for from the beginning, it may stand before or after.
 * @only: of this ID only, unless it is NULL.
 */
static void take_mon(struct vmqos_process *process, const char *text, const char *cmdline,
		     size_t size, const char *only)
{
	struct args args = { cmdline, size, 0 };
	char id[VALUE_SIZE], mode[VALUE_SIZE], other[VALUE_SIZE], path[VALUE_SIZE];
	const char *arg;

	if (!find_param(text, "chardev", true, id, sizeof(id)) ||
	    !find_param(text, "mode", false, mode, sizeof(mode)) || strcmp(mode, "control") ||
	    (only && strcmp(id, only)))
		return;
	while ((arg = next_arg(&args))) {
		const char *option = option_name(arg);

		if (!option || strcmp(option, "chardev"))
			continue;
		arg = next_arg(&args);
		if (!arg)
			return;
		if (!find_param(arg, "id", false, other, sizeof(other)) || strcmp(id, other))
			continue;
		if (strncmp(arg, "socket,", 7))
			return;
		if (find_param(arg, "path", false, path, sizeof(path)))
			copy_path(process, path);
		else if (find_param(arg, "fd", false, path, sizeof(path)))
			process->qmp_fd = true;
		return;
	}
}

static void take_option(struct vmqos_process *process, const char *option, const char *value,
			const char *cmdline, size_t size)
{
	char text[VALUE_SIZE];

	if (!strcmp(option, "name")) {
		if (find_param(value, "guest", true, text, sizeof(text)) && *text)
			vmqos_name_clean(process->name, sizeof(process->name), text);
	} else if (!strcmp(option, "uuid")) {
		if (!vmqos_uuid_parse(value, process->uuid))
			process->has_uuid = true;
	} else if (!strcmp(option, "qmp") || !strcmp(option, "qmp-pretty")) {
		take_qmp(process, value);
	} else if (!strcmp(option, "mon")) {
		take_mon(process, value, cmdline, size, NULL);
	}
}

/*
 * Options without a value need no list: their next argument begins with a
 * dash and is looked at as an option itself. Only the values of the options
 * read here are taken, whatever they begin with.
 */
static bool is_read(const char *option)
{
	static const char *const read[] = { "name", "uuid", "qmp", "qmp-pretty", "mon" };
	size_t i;

	for (i = 0; i < sizeof(read) / sizeof(read[0]); i++)
		if (!strcmp(option, read[i]))
			return true;
	return false;
}

/* A monitor that was made for us comes before those of others. */
static void prefer_ours(struct vmqos_process *process, const char *cmdline, size_t size)
{
	struct args args = { cmdline, size, 0 };
	const char *arg;

	while ((arg = next_arg(&args))) {
		const char *option = option_name(arg);

		if (!option || strcmp(option, "mon"))
			continue;
		arg = next_arg(&args);
		if (!arg)
			return;
		take_mon(process, arg, cmdline, size, "vmqos");
	}
}

void vmqos_cmdline_parse(struct vmqos_process *process, const char *cmdline, size_t size)
{
	struct args args = { cmdline, size, 0 };
	const char *arg;

	process->qemu = false;
	process->has_uuid = false;
	memset(process->uuid, 0, sizeof(process->uuid));
	process->qmp_path[0] = '\0';
	process->qmp_fd = false;
	vmqos_name_clean(process->name, sizeof(process->name), process->comm);

	arg = next_arg(&args);
	if (!arg)
		return;
	process->qemu = is_qemu(arg);
	if (!process->qemu)
		return;
	while ((arg = next_arg(&args))) {
		const char *option = option_name(arg);
		const char *value;

		if (!option || !is_read(option))
			continue;
		value = next_arg(&args);
		if (!value)
			break;
		take_option(process, option, value, cmdline, size);
	}
	prefer_ours(process, cmdline, size);
}
