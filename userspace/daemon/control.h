/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The balloon controller: from what a VM's balloon and its guest say to what the
 * balloon is asked for next. It knows no device and no clock; see control.c.
 */
#ifndef VMQOS_DAEMON_CONTROL_H
#define VMQOS_DAEMON_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMQOS_CONTROL_WHY	200

/* What a guest has told, of what it can tell. */
enum {
	VMQOS_READING_TOTAL		= 1u << 0,
	VMQOS_READING_FREE		= 1u << 1,
	VMQOS_READING_AVAILABLE		= 1u << 2,
	VMQOS_READING_CACHES		= 1u << 3,
	VMQOS_READING_SWAP_IN		= 1u << 4,
	VMQOS_READING_SWAP_OUT		= 1u << 5,
	VMQOS_READING_MAJOR_FAULTS	= 1u << 6,
	VMQOS_READING_MINOR_FAULTS	= 1u << 7,
	VMQOS_READING_OOM_KILLS		= 1u << 8,
};

/**
 * struct vmqos_reading - a balloon at a moment
 * @reset: the guest has been reset since the reading before
 * @size: memory of the VM with nothing in its balloon, in bytes
 * @given: in the balloon, in bytes; never more than @size
 * @update: changes whenever the guest has told its statistics anew; 0: never did
 * @age_us: how long ago that was, for people; UINT64_MAX when it is not known
 * @present: VMQOS_READING_*: what of the following it has told
 * @total: memory that the guest has, in bytes
 * @free: of that, used for nothing
 * @available: what it could use without swapping
 * @caches: used for what could be read again
 * @swap_in: bytes swapped in since its start
 * @swap_out: bytes swapped out
 * @major_faults: page faults that had to read
 * @minor_faults: page faults that had not
 * @oom_kills: processes killed for want of memory
 *
 * Whether @total shrinks when the balloon fills depends on the guest: Linux
 * takes the balloon's pages off it, unless deflate-on-oom is negotiated. So the
 * controller never computes with it; @free and @available mean the same in both.
 */
struct vmqos_reading {
	bool reset;
	uint64_t size;
	uint64_t given;
	uint64_t update;
	uint64_t age_us;
	unsigned int present;
	uint64_t total;
	uint64_t free;
	uint64_t available;
	uint64_t caches;
	uint64_t swap_in;
	uint64_t swap_out;
	uint64_t major_faults;
	uint64_t minor_faults;
	uint64_t oom_kills;
};

/* Room for a target's reason, a word of letters, digits and '-'. */
#define VMQOS_TARGET_REASON	32
/* The balloon was filled when it was first looked at. */
#define VMQOS_TARGET_FOUND	"found"
/* When whoever wants it has not said why. */
#define VMQOS_TARGET_REQUEST	"request"

/**
 * struct vmqos_target - how much is wanted of a VM, why and until when
 * @balloon: bytes that the balloon should hold
 * @reason: why, in a word; "": nobody wants anything
 * @deadline_us: monotonic time at which it should; 0: whenever it can be had
 */
struct vmqos_target {
	uint64_t balloon;
	char reason[VMQOS_TARGET_REASON];
	uint64_t deadline_us;
};

/**
 * struct vmqos_control_config - what a controller has to keep to
 * @floor: the guest is never left with less than this, in bytes
 * @speed: the balloon grows by no more than this, in bytes a second
 * @fresh_us: statistics older than this do not count
 * @silence_us: a guest that has told nothing for so long is left out
 */
struct vmqos_control_config {
	uint64_t floor;
	uint64_t speed;
	uint64_t fresh_us;
	uint64_t silence_us;
};

/* What there is to tell; a step may tell several. */
enum {
	VMQOS_CONTROL_REACHED	= 1u << 0,	/* the balloon is as it was wanted */
	VMQOS_CONTROL_HELD	= 1u << 1,	/* the guest needs the rest itself */
	VMQOS_CONTROL_NEED	= 1u << 2,	/* it is given memory back, which it needs */
	VMQOS_CONTROL_TOOK	= 1u << 3,	/* it has taken memory back by itself */
	VMQOS_CONTROL_SILENT	= 1u << 4,	/* it tells no statistics: left out */
	VMQOS_CONTROL_ANSWERS	= 1u << 5,	/* it does again */
	VMQOS_CONTROL_STUCK	= 1u << 6,	/* it does not do as its balloon is asked */
	VMQOS_CONTROL_MISSED	= 1u << 7,	/* the deadline has passed */
	VMQOS_CONTROL_RESET	= 1u << 8,	/* it has been reset; its balloon is empty */
};

/* Where a controller stands. */
enum vmqos_control_phase {
	VMQOS_CONTROL_IDLE,	/* nothing is wanted, nothing is in the balloon */
	VMQOS_CONTROL_GROWS,
	VMQOS_CONTROL_SHRINKS,
	VMQOS_CONTROL_AT_TARGET,
	VMQOS_CONTROL_IS_HELD,	/* short of the target, for the guest's sake */
	VMQOS_CONTROL_RESTS,	/* the same, as the guest has needed memory lately */
	VMQOS_CONTROL_IS_SILENT,
	VMQOS_CONTROL_IS_STUCK,
};

/**
 * struct vmqos_control_step - what is to be done
 * @ask: the balloon is to be asked for @balloon
 * @balloon: bytes it should hold, a multiple of 4096
 * @events: VMQOS_CONTROL_*: what is to be told
 */
struct vmqos_control_step {
	bool ask;
	uint64_t balloon;
	unsigned int events;
};

/**
 * struct vmqos_control - the controller of one VM; read as you like, written by it alone
 * @config: what it has to keep to
 * @target: what is wanted
 * @phase: where it stands
 * @last: latest reading
 * @last_us: when that was; 0: there was none
 * @asked: what the balloon was last asked for
 * @asked_us: when that was; 0: never by this controller
 * @told_us: when it was seen that the guest has told its statistics anew; 0: never
 * @told_after_us: it did so after this moment
 * @base: the balloon had at least this then
 * @room: so much may be in the balloon by these statistics
 * @counted: what @oom_kills and @swap_in were in the statistics before
 * @watch_us: since when the guest owes an answer; 0: it does not
 * @grown_us: when the balloon was last asked for more
 * @moved_us: when it last came nearer to what it was asked for
 * @moved_given: what it had then
 * @rest_until_us: it is not to grow before; UINT64_MAX: not before the guest tells
 *	statistics
 * @rest_us: how long the last rest was
 * @rested_us: when it was last begun or begun anew
 * @said: events that are not to be told again until they have ended
 */
struct vmqos_control {
	struct vmqos_control_config config;
	struct vmqos_target target;
	enum vmqos_control_phase phase;
	struct vmqos_reading last;
	uint64_t last_us;
	uint64_t asked;
	uint64_t asked_us;
	uint64_t told_us;
	uint64_t told_after_us;
	uint64_t base;
	uint64_t room;
	struct {
		bool known;
		uint64_t oom_kills;
		uint64_t swap_in;
	} counted;
	uint64_t watch_us;
	uint64_t grown_us;
	uint64_t moved_us;
	uint64_t moved_given;
	uint64_t rest_until_us;
	uint64_t rest_us;
	uint64_t rested_us;
	unsigned int said;
};

void vmqos_control_init(struct vmqos_control *control, const struct vmqos_control_config *config);
void vmqos_control_aim(struct vmqos_control *control, const struct vmqos_target *target);
void vmqos_control_lost(struct vmqos_control *control);
void vmqos_control_step(struct vmqos_control *control, const struct vmqos_reading *reading,
			uint64_t now_us, struct vmqos_control_step *step);
bool vmqos_control_busy(const struct vmqos_control *control);

uint64_t vmqos_control_floor(uint64_t size);
uint64_t vmqos_control_reserve(const struct vmqos_control *control);
const char *vmqos_control_phase_name(enum vmqos_control_phase phase);
void vmqos_control_why(const struct vmqos_control *control, char *text, size_t size);

#endif
