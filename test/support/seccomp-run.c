// SPDX-License-Identifier: Apache-2.0
// seccomp-run FAMILY,... SYSCALL,... COMMAND ...: what systemd does for RestrictAddressFamilies=
// and an allow list of SystemCallFilter= with SystemCallErrorNumber=EPERM.
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void fail(const char *what, int error)
{
	fprintf(stderr, "seccomp-run: %s: %s\n", what, strerror(error));
	exit(127);
}

static void check(const char *what, int result)
{
	if (result < 0)
		fail(what, -result);
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));

	if (argc < 4 || !filter)
		fail("usage: seccomp-run FAMILIES SYSCALLS COMMAND ...", EINVAL);
	/* Thousands of calls a second are looked up: as a tree. */
	check("optimize", seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2));
	for (char *name = strtok(argv[2], ","); name; name = strtok(NULL, ",")) {
		int number = seccomp_syscall_resolve_name(name);

		/* Of other architectures, or not known to this library; socket: below. */
		if (number < 0 || number == SCMP_SYS(socket))
			continue;
		check(name, seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0));
	}
	for (char *family = strtok(argv[1], ","); family; family = strtok(NULL, ","))
		check(family, seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
					       SCMP_A0(SCMP_CMP_EQ, strtoul(family, NULL, 10))));
	check("load", seccomp_load(filter));
	execvp(argv[3], argv + 3);
	fail(argv[3], errno);
}
