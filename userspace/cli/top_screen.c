// SPDX-License-Identifier: GPL-2.0
/* vmqos top on a terminal. */
#include <ctype.h>
#include <curses.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "clock.h"
#include "top.h"

#define LINES_LEAST	6
#define COLUMNS_LEAST	40
#define COLUMNS_MAX	48
#define FIRST_MS	1000	/* the first rates are not waited for longer */
#define MODULE_MS	1000	/* how often an absent module is looked for */
/* Up to so many vCPUs are read for all VMs, above only those that are shown. */
#define READ_ALL_VCPUS	1024
/* A VM waits badly when a vCPU of it is ready for more than this, in percent. */
#define READY_BAD	10.0

/*
 * @off: columns switched off by their index
 * @lines: the rows that there are to show, VMs and vCPUs of expanded ones
 * @selected: VM and vCPU of the cursor, by number; a VM has @selected_vcpu -1
 * @moved: the user has moved the cursor; until then it stays at the top
 * @cursor: its place in @lines
 * @first: the line on top
 * @message: shown until the next key
 */
struct screen {
	struct vmqos_top *top;
	struct vmqos_top_options *options;
	bool off[COLUMNS_MAX];
	const struct vmqos_top_row **lines;
	size_t line_count;
	uint32_t selected_vm;
	int64_t selected_vcpu;
	bool moved;
	size_t cursor;
	size_t first;
	bool absent;
	char message[512];
};

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void say(struct screen *screen, const char *text)
{
	snprintf(screen->message, sizeof(screen->message), "%s", text);
}

/* --- what there is to show --- */

static bool is_selected(const struct screen *screen, const struct vmqos_top_row *row)
{
	int64_t vcpu = row->vcpu ? (int64_t)row->vcpu->index : -1;

	return row->vm_id == screen->selected_vm && vcpu == screen->selected_vcpu;
}

static void select_line(struct screen *screen, size_t line)
{
	const struct vmqos_top_row *row;

	if (!screen->line_count) {
		screen->selected_vm = 0;
		screen->cursor = 0;
		return;
	}
	if (line >= screen->line_count)
		line = screen->line_count - 1;
	row = screen->lines[line];
	screen->cursor = line;
	screen->selected_vm = row->vm_id;
	screen->selected_vcpu = row->vcpu ? (int64_t)row->vcpu->index : -1;
}

/* Sorts the VMs and lists them with the vCPUs of those that are expanded. */
static void make_lines(struct screen *screen)
{
	struct vmqos_top *top = screen->top;
	bool found = false;
	size_t i, j;

	vmqos_top_sort(top, &screen->options->order);
	screen->lines = vmqos_need(reallocarray(screen->lines,
						top->row_count + top->vcpu_row_count + 1,
						sizeof(*screen->lines)));
	screen->line_count = 0;
	for (i = 0; i < top->row_count; i++) {
		const struct vmqos_top_row *vcpus;
		size_t count;

		screen->lines[screen->line_count++] = &top->rows[i];
		if (!top->expand_all && !vmqos_top_is_wanted(top, top->rows[i].vm_id))
			continue;
		vcpus = vmqos_top_vcpus_of(top, top->rows[i].vm_id, &count);
		for (j = 0; j < count; j++)
			screen->lines[screen->line_count++] = &vcpus[j];
	}
	if (!screen->moved)
		select_line(screen, 0);
	/* The cursor stays on its VM, wherever that has moved. */
	for (i = 0; i < screen->line_count && !found; i++) {
		if (is_selected(screen, screen->lines[i])) {
			screen->cursor = i;
			found = true;
		}
	}
	if (!found)
		select_line(screen, screen->cursor);
}

static void sample(struct screen *screen)
{
	struct vmqos_top *top = screen->top;
	int err;

	top->read_all = top->expand_all || top->now.host.vcpus <= READ_ALL_VCPUS;
	err = vmqos_top_sample(top);
	screen->absent = err == -ENODEV;
	if (err == -ENODEV)
		vmqos_top_forget(top);
	if (err)
		say(screen, vmqos_error(top->cli->ctx));
	else if (!top->row_count)
		say(screen, "No VM is adopted; \"vmqos adopt --all\" adopts those of this host");
	else
		screen->message[0] = '\0';
	make_lines(screen);
}

/* --- drawing --- */

static bool too_small(void)
{
	return LINES < LINES_LEAST || COLS < COLUMNS_LEAST;
}

static void draw_text(int y, const char *text, attr_t attributes)
{
	attrset(attributes);
	mvaddnstr(y, 0, text, COLS);
	clrtoeol();
	attrset(A_NORMAL);
}

/* Fills the line to the right edge in the same attributes. */
static void draw_bar(int y, const char *text, attr_t attributes)
{
	int length = strlen(text);

	draw_text(y, text, attributes);
	if (length < COLS)
		mvchgat(y, 0, -1, attributes, 0, NULL);
}

static bool waits_badly(const struct vmqos_top_row *row)
{
	double vcpus = row->vcpu || !row->vcpus ? 1 : row->vcpus;
	/* A limit keeps a VM waiting because somebody wants it so. */
	double waited = (double)row->delta.ready_ns + row->delta.parked_ns - row->delta.limited_ns;

	return row->interval_ns && 100.0 * waited / row->interval_ns / vcpus > READY_BAD;
}

static void draw_rows(struct screen *screen, int y)
{
	char text[VMQOS_TOP_LINE_SIZE];
	struct vmqos_top_layout layout;
	size_t room = LINES - y - 1;
	size_t i;

	vmqos_top_lay_out(screen->top, screen->off, COLS, &layout);
	vmqos_top_heading(&layout, text, sizeof(text));
	draw_bar(y, text, A_REVERSE);
	if (screen->cursor < screen->first)
		screen->first = screen->cursor;
	if (screen->cursor >= screen->first + room)
		screen->first = screen->cursor - room + 1;
	if (screen->first >= screen->line_count)
		screen->first = 0;
	for (i = 0; i < room; i++) {
		const struct vmqos_top_row *row;
		attr_t attributes = A_NORMAL;

		if (screen->first + i >= screen->line_count) {
			draw_text(y + 1 + i, "", A_NORMAL);
			continue;
		}
		row = screen->lines[screen->first + i];
		vmqos_top_line(&layout, row, text, sizeof(text));
		if (waits_badly(row))
			attributes |= A_BOLD;
		if (screen->first + i == screen->cursor)
			draw_bar(y + 1 + i, text, attributes | A_STANDOUT);
		else
			draw_text(y + 1 + i, text, attributes);
	}
}

static void draw(struct screen *screen)
{
	char lines[VMQOS_TOP_HEADER_LINES][VMQOS_TOP_LINE_SIZE];
	const struct vmqos_top_order *order = &screen->options->order;
	int header;
	int i;

	erase();
	if (too_small()) {
		draw_text(0, "Terminal too small", A_NORMAL);
		refresh();
		return;
	}
	if (screen->top->has_now) {
		char tail[96];

		header = vmqos_top_header(screen->top, lines);
		for (i = 0; i < header; i++)
			draw_text(i, lines[i], A_NORMAL);
		snprintf(tail, sizeof(tail), "  every %g s", screen->options->interval_ns / 1e9);
		if ((int)(strlen(lines[0]) + strlen(tail)) <= COLS)
			mvaddstr(0, strlen(lines[0]), tail);
	} else {
		header = 1;
		draw_text(0, "vmqos top", A_NORMAL);
	}
	if (screen->message[0]) {
		draw_text(header, screen->message, A_BOLD);
	} else {
		char hint[96];

		snprintf(hint, sizeof(hint), "sorted by %s%s; h for help",
			 order->sort ? order->sort->title : order->by_name ? "name" : "ID",
			 order->reverse ? ", the least first" : "");
		draw_text(header, hint, A_DIM);
	}
	draw_rows(screen, header + 1);
	move(header, 0);
	refresh();
}

/* --- screens of their own --- */

static void wait_key(void)
{
	timeout(-1);
	while (!ended && getch() == ERR)
		;
}

static void show_help(struct screen *screen)
{
	static const char *const text[] = {
		"vmqos top: which VM runs, waits for a CPU, and idles. 100 % is one CPU.",
		"",
		"  up, down, PgUp, PgDn, Home, End   move",
		"  e, Enter    expand the VM into its vCPUs, or fold it    v   all VMs",
		"  s           time between two samples",
		"  f           choose columns",
		"  space       take a sample now",
		"  r           reverse the order",
		"  c, m        the page of CPU, or of memory",
		"  q           quit",
		"",
		"Sort by:  N name   # number   and the columns:",
	};
	char line[64];
	size_t i;
	int y = 0;

	erase();
	for (i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		draw_text(y++, text[i], A_NORMAL);
	for (i = 0; i < vmqos_top_column_count; i++) {
		const struct vmqos_top_column *column = &vmqos_top_columns[i];

		if (column->page != screen->top->page)
			continue;
		if (y >= LINES - 1) {
			draw_text(LINES - 1, "any key for more", A_REVERSE);
			refresh();
			wait_key();
			erase();
			y = 0;
		}
		snprintf(line, sizeof(line), "  %c  %-7s %s", column->letter, column->title,
			 column->help);
		draw_text(y++, line, A_NORMAL);
	}
	draw_text(LINES - 1, "any key goes back", A_REVERSE);
	refresh();
	wait_key();
}

static void choose_columns(struct screen *screen)
{
	char line[80];
	size_t i;
	int key;
	int y;

	timeout(-1);
	while (!ended) {
		erase();
		draw_text(0, "A letter shows or hides a column; any other key goes back.", A_BOLD);
		for (i = 0, y = 1; i < vmqos_top_column_count && y < LINES; i++) {
			const struct vmqos_top_column *column = &vmqos_top_columns[i];
			bool source = vmqos_top_has_source(screen->top, column);

			if (column->page != screen->top->page)
				continue;

			snprintf(line, sizeof(line), " %c %c  %-7s %s%s",
				 screen->off[i] ? ' ' : '*', column->letter, column->title,
				 column->help, source ? "" : " (not reported)");
			draw_text(y++, line, A_NORMAL);
		}
		refresh();
		key = getch();
		if (key == ERR || key == KEY_RESIZE)
			continue;
		for (i = 0; i < vmqos_top_column_count; i++)
			if (key < 256 && toupper(key) == vmqos_top_columns[i].letter &&
			    vmqos_top_columns[i].page == screen->top->page)
				break;
		if (i == vmqos_top_column_count)
			return;
		screen->off[i] = !screen->off[i];
	}
}

static void ask_interval(struct screen *screen)
{
	char text[16] = "";
	size_t used = 0;
	uint64_t ns;
	int key;

	timeout(-1);
	while (!ended) {
		char prompt[64];

		snprintf(prompt, sizeof(prompt), "Seconds between two samples (0.1 to 3600): %s",
			 text);
		draw_text(VMQOS_TOP_HEADER_LINES - 1, prompt, A_BOLD);
		move(VMQOS_TOP_HEADER_LINES - 1, strlen(prompt));
		refresh();
		key = getch();
		if (key == '\n' || key == '\r' || key == KEY_ENTER)
			break;
		if (key == 27)
			return;
		if ((key == KEY_BACKSPACE || key == 127 || key == 8) && used)
			text[--used] = '\0';
		else if (key < 256 && (isdigit(key) || key == '.') && used < sizeof(text) - 2)
			text[used++] = key;
		text[used] = '\0';
	}
	if (!used)
		return;
	text[used] = 's';
	text[used + 1] = '\0';
	if (!vmqos_duration_parse(text, &ns) && ns >= 100000000 && ns <= UINT64_C(3600000000000))
		screen->options->interval_ns = ns;
	else
		say(screen, "The time between two samples is from 0.1 to 3600 seconds");
}

/* --- keys --- */

static void fold(struct screen *screen)
{
	struct vmqos_top *top = screen->top;
	uint32_t vm = screen->selected_vm;

	if (!screen->line_count || top->expand_all)
		return;
	vmqos_top_want(top, vm, !vmqos_top_is_wanted(top, vm));
	screen->selected_vcpu = -1;
	make_lines(screen);
}

static bool sort_key(struct screen *screen, int key)
{
	struct vmqos_top_order *order = &screen->options->order;
	const struct vmqos_top_column *column = NULL;
	size_t i;

	for (i = 0; i < vmqos_top_column_count; i++)
		if (vmqos_top_columns[i].letter == key &&
		    vmqos_top_columns[i].page == screen->top->page)
			column = &vmqos_top_columns[i];
	if (!column && key != 'N' && key != '#')
		return false;
	order->sort = column;
	order->by_name = key == 'N';
	order->reverse = false;
	make_lines(screen);
	return true;
}

static void turn_to(struct screen *screen, enum vmqos_top_page page)
{
	struct vmqos_top_order *order = &screen->options->order;

	screen->top->page = page;
	/* Numbers and names are on both. */
	if (order->sort && order->sort->page != page)
		order->sort = vmqos_top_default_sort(page);
	make_lines(screen);
}

/* Returns whether a sample is to be taken at once. */
static bool handle_key(struct screen *screen, int key)
{
	size_t page = LINES > 8 ? LINES - 8 : 1;

	/* What needs room to be shown is not begun without. */
	if (too_small() && key > 0 && key < 256 && strchr("hfs?", key))
		return false;
	if (key == KEY_UP || key == KEY_DOWN || key == KEY_PPAGE || key == KEY_NPAGE ||
	    key == KEY_HOME || key == KEY_END || key == 'k' || key == 'j' || key == 'e')
		screen->moved = true;
	switch (key) {
	case 'q':
		ended = 1;
		return false;
	case KEY_UP:
	case 'k':
		select_line(screen, screen->cursor ? screen->cursor - 1 : 0);
		return false;
	case KEY_DOWN:
	case 'j':
		select_line(screen, screen->cursor + 1);
		return false;
	case KEY_PPAGE:
		select_line(screen, screen->cursor > page ? screen->cursor - page : 0);
		return false;
	case KEY_NPAGE:
		select_line(screen, screen->cursor + page);
		return false;
	case KEY_HOME:
		select_line(screen, 0);
		return false;
	case KEY_END:
		select_line(screen, SIZE_MAX);
		return false;
	case 'e':
	case '\n':
	case '\r':
	case KEY_ENTER:
		fold(screen);
		/* Beyond the bound the vCPUs have not been read before. */
		return !screen->top->read_all;
	case 'h':
	case '?':
		show_help(screen);
		return false;
	case 'f':
		choose_columns(screen);
		return false;
	case 's':
		ask_interval(screen);
		return false;
	case 'r':
		screen->options->order.reverse = !screen->options->order.reverse;
		make_lines(screen);
		return false;
	case 'c':
		turn_to(screen, VMQOS_TOP_CPU);
		return false;
	case 'm':
		turn_to(screen, VMQOS_TOP_MEMORY);
		return false;
	case 'v':
		screen->top->expand_all = !screen->top->expand_all;
		make_lines(screen);
		return !screen->top->read_all;
	case ' ':
		return true;
	}
	sort_key(screen, key);
	return false;
}

static void run_screen(struct screen *screen)
{
	const struct vmqos_top_options *options = screen->options;
	uint64_t samples = 0;
	int64_t next;

	sample(screen);
	next = vmqos_clock_ms() + (options->interval_ns < FIRST_MS * 1000000ull ?
			   (int64_t)(options->interval_ns / 1000000) : FIRST_MS);
	while (!ended) {
		int64_t left = next - vmqos_clock_ms();
		uint64_t interval = options->interval_ns;
		bool due = left <= 0;
		int key;

		if (!due) {
			draw(screen);
			timeout(left);
			key = getch();
			if (key != ERR && key != KEY_RESIZE)
				due = handle_key(screen, key);
			/* A shorter interval does not wait for the end of the longer. */
			if (options->interval_ns != interval)
				next = vmqos_clock_ms() + options->interval_ns / 1000000;
		}
		if (!due)
			continue;
		sample(screen);
		next = vmqos_clock_ms() + (screen->absent ? MODULE_MS :
				   (int64_t)(options->interval_ns / 1000000));
		if (!screen->absent && options->samples && ++samples >= options->samples) {
			draw(screen);
			break;
		}
	}
}

int vmqos_top_screen(struct vmqos_top *top, struct vmqos_top_options *options)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct screen screen = {
		.top = top,
		.options = options,
		.selected_vcpu = -1,
	};
	SCREEN *terminal;

	if (vmqos_top_column_count > COLUMNS_MAX)
		abort();
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal) {
		vmqos_say("the terminal \"%s\" is not known; use -b or --once",
			  getenv("TERM") ? getenv("TERM") : "");
		return VMQOS_EXIT_FAILED;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	top->expand_all = options->vcpus;
	run_screen(&screen);
	endwin();
	delscreen(terminal);
	free(screen.lines);
	return VMQOS_EXIT_OK;
}
