// SPDX-License-Identifier: Apache-2.0
/*
 * first-packet INTERFACE PORT-MAC
 *
 * Tells when a change of the distributor has reached packets. For each line "VIP AMPHORA-MAC"
 * that it reads it sends TCP SYNs of ever other clients to that VIP, a burst every 250 us,
 * until one comes back for that amphora. Prints "sending" after the first burst, and then the
 * time of that frame in ns of CLOCK_MONOTONIC, or "none" if there was none in five seconds.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BURST 16
#define INTERVAL_NS 250000
#define PATIENCE_NS 5000000000ULL
#define FIRST_CLIENT 0xac100000u /* 172.16.0.0/12 */
#define CLIENTS 0x100000u

struct frame {
	struct ether_header ethernet;
	struct iphdr ip;
	struct tcphdr tcp;
} __attribute__((packed));

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static uint16_t checksum(const void *data, size_t bytes)
{
	const uint16_t *words = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < bytes / sizeof(*words); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

static int open_socket(const char *interface)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETH_P_ALL),
				       .sll_ifindex = if_nametoindex(interface) };
	int on = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)))
		fail(interface);
	return fd;
}

/* Lets in what is for that station alone, and forgets what came before. */
static void listen_for(int fd, const struct ether_addr *mac)
{
	const unsigned char *m = mac->ether_addr_octet;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			 (uint32_t)m[0] << 24 | m[1] << 16 | m[2] << 8 | m[3], 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, m[4] << 8 | m[5], 0, 1),
		BPF_STMT(BPF_RET | BPF_K, sizeof(struct frame)),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = { .len = sizeof(code) / sizeof(*code), .filter = code };
	char byte;

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)))
		fail("filter");
	while (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) >= 0)
		;
}

static struct frame syn_to(in_addr_t vip, const struct ether_addr *port)
{
	struct frame frame = {
		.ethernet = { .ether_shost = { 2, 0, 0, 0, 0, 1 },
			      .ether_type = htons(ETHERTYPE_IP) },
		.ip = { .version = 4,
			.ihl = 5,
			.ttl = 64,
			.protocol = IPPROTO_TCP,
			.daddr = vip,
			.tot_len = htons(sizeof(struct iphdr) + sizeof(struct tcphdr)) },
		.tcp = { .source = htons(40000),
			 .dest = htons(80),
			 .doff = 5,
			 .syn = 1,
			 .window = htons(64240) },
	};

	memcpy(frame.ethernet.ether_dhost, port, sizeof(*port));
	return frame;
}

static void send_burst(int fd, const struct frame *model)
{
	static uint32_t client;
	struct frame frames[BURST];
	struct iovec vectors[BURST];
	struct mmsghdr messages[BURST] = { 0 };

	for (int i = 0; i < BURST; i++) {
		frames[i] = *model;
		frames[i].ip.saddr = htonl(FIRST_CLIENT + client++ % CLIENTS);
		frames[i].ip.check = checksum(&frames[i].ip, sizeof(frames[i].ip));
		vectors[i] = (struct iovec){ .iov_base = &frames[i], .iov_len = sizeof(*frames) };
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	if (sendmmsg(fd, messages, BURST, 0) < 0)
		fail("send");
}

/* When it came; 0 = not within the interval. */
static uint64_t wait_for_frame(int fd)
{
	struct pollfd poll = { .fd = fd, .events = POLLIN };
	struct timespec interval = { .tv_nsec = INTERVAL_NS };

	return ppoll(&poll, 1, &interval, NULL) > 0 ? now() : 0;
}

static void probe(int fd, const struct frame *model)
{
	uint64_t started = now(), came = 0;

	send_burst(fd, model);
	puts("sending");
	while (!(came = wait_for_frame(fd)) && now() - started < PATIENCE_NS)
		send_burst(fd, model);
	if (came)
		printf("%llu\n", (unsigned long long)came);
	else
		puts("none");
}

int main(int argc, char **argv)
{
	char vip_text[64], mac_text[64];
	struct ether_addr port, amphora;
	struct in_addr vip;
	int fd;

	if (argc != 3 || !ether_aton_r(argv[2], &port)) {
		fprintf(stderr, "usage: first-packet INTERFACE PORT-MAC\n");
		return 2;
	}
	setlinebuf(stdout);
	fd = open_socket(argv[1]);
	while (scanf("%63s %63s", vip_text, mac_text) == 2) {
		struct frame model;

		if (!inet_aton(vip_text, &vip) || !ether_aton_r(mac_text, &amphora))
			fail("VIP AMPHORA-MAC");
		listen_for(fd, &amphora);
		model = syn_to(vip.s_addr, &port);
		probe(fd, &model);
	}
	return 0;
}
