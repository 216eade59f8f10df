/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef FLOOD_H
#define FLOOD_H

enum flood_kind {
	FLOOD_SYN,
	FLOOD_ACK, /* of connections that nobody has opened */
	FLOOD_PAIRS, /* SYN, and then an ACK of the same client: as good as a connection */
	FLOOD_UDP,
	FLOOD_FRAGMENTS, /* first ones, whose others never come */
};

#endif
