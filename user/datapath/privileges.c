// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <sys/capability.h>

#include "user/datapath/internal.h"

size_t privileges_missing(char *missing, size_t size)
{
	static const struct {
		cap_value_t value;
		const char *name;
	} needed[] = {{CAP_BPF, "CAP_BPF"},
		      {CAP_NET_ADMIN, "CAP_NET_ADMIN"},
		      {CAP_PERFMON, "CAP_PERFMON"}};
	cap_flag_value_t has = CAP_CLEAR, all = CAP_CLEAR;
	cap_t mine = cap_get_proc();
	size_t used = 0;

	missing[0] = '\0';
	if (!mine)
		return 0;					/* let the kernel say */
	cap_get_flag(mine, CAP_SYS_ADMIN, CAP_EFFECTIVE, &all); /* stands for each of them */
	for (size_t i = 0; all != CAP_SET && i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!cap_get_flag(mine, needed[i].value, CAP_EFFECTIVE, &has) && has != CAP_SET)
			used += (size_t)snprintf(missing + used, size - used, " %s",
						 needed[i].name);
	cap_free(mine);
	return used;
}

/*
 * Asked before anything is touched: what the kernel answers to a process that lacks one of them depends on
 * the program and the kernel (EPERM, EACCES, EINVAL) and names none.
 */
int privileges_check(struct datapath_error *error)
{
	char missing[PRIVILEGES_TEXT];

	if (!privileges_missing(missing, sizeof(missing)))
		return 0;
	return fail(error, -EPERM,
		    "not permitted without%s; run as root, or with the capabilities CAP_BPF, "
		    "CAP_NET_ADMIN and CAP_PERFMON",
		    missing);
}
