// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/doctor/netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "user/base/cleanup.h"

#define ANSWER_BYTES 32768 /* of one read: more than the kernel puts into one */
#define PATIENCE_SECONDS 2 /* the kernel answers at once */

void netlink_request(struct netlink_request *out, uint16_t type, uint16_t flags,
		     const void *payload, size_t length)
{
	*out = (struct netlink_request){
		.header = {.nlmsg_len = NLMSG_LENGTH(length),
			   .nlmsg_type = type,
			   .nlmsg_flags = NLM_F_REQUEST | flags},
	};
	memcpy(out->payload, payload, length);
}

void netlink_attribute(struct netlink_request *request, uint16_t type, const void *value,
		       size_t length)
{
	size_t at = NLMSG_ALIGN(request->header.nlmsg_len);
	const struct nlattr head = {(uint16_t)(NLA_HDRLEN + length), type};
	char *end = (char *)request + at;

	memcpy(end, &head, sizeof(head));
	memcpy(end + NLA_HDRLEN, value, length);
	request->header.nlmsg_len = (uint32_t)(at + NLA_HDRLEN + length);
}

/* One read's messages. 1: more will come, 0: that was all, -errno */
static int read_messages(const char *answer, size_t length, netlink_each *each, void *context)
{
	const struct nlmsghdr *message = (const struct nlmsghdr *)answer;
	int left = (int)length;
	bool more = false;

	for (; NLMSG_OK(message, (unsigned int)left); message = NLMSG_NEXT(message, left)) {
		if (message->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(message))->error;
		if (message->nlmsg_type == NLMSG_DONE)
			return 0;
		each(message, context);
		more |= message->nlmsg_flags & NLM_F_MULTI;
	}
	return more;
}

int netlink_ask(int family, struct netlink_request *request, netlink_each *each, void *context)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family);
	_cleanup_free_ char *answer = malloc(ANSWER_BYTES);
	const struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
	int result = 1;

	if (fd < 0)
		return -errno;
	if (!answer)
		return -ENOMEM;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		return -errno;
	while (result > 0) {
		ssize_t got = recv(fd, answer, ANSWER_BYTES, 0);

		if (got < 0)
			return -errno;
		result = read_messages(answer, (size_t)got, each, context);
	}
	return result;
}

const void *netlink_find(const struct nlmsghdr *message, size_t skip, uint16_t type, size_t *length)
{
	const char *at = (const char *)NLMSG_DATA(message) + NLMSG_ALIGN(skip);
	const char *end = (const char *)message + message->nlmsg_len;

	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *attribute = (const struct nlattr *)at;

		if (attribute->nla_len < NLA_HDRLEN || at + attribute->nla_len > end)
			return NULL;
		if ((attribute->nla_type & NLA_TYPE_MASK) == type) {
			*length = attribute->nla_len - (size_t)NLA_HDRLEN;
			return at + NLA_HDRLEN;
		}
		at += NLA_ALIGN(attribute->nla_len);
	}
	return NULL;
}
