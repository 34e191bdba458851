// The floor for moving pages between NUMA nodes: a plain loop of move_pages(2) in calls of 8,192 small pages or 16 huge ones, reading each status.
// cc -O2 -static -Wall -Wextra -Werror -o migrate bench/migrate.c
// migrate PID START LENGTH NODES PAGE    START in hex, LENGTH and PAGE in bytes; NODES, as 1,0,1,0: one trip to each, and one line of JSON for each.
#define _GNU_SOURCE
#include "floor.h"
#include <sys/syscall.h>
#include <unistd.h>

#define MPOL_MF_MOVE 2 /* include/uapi/linux/mempolicy.h */
#define CALL_BYTES (32u << 20)
#define CALL_PAGES 8192

static void *pages[CALL_PAGES];
static int nodes[CALL_PAGES], status[CALL_PAGES];

static int trip(pid_t pid, uint64_t start, uint64_t length, uint64_t page, int node)
{
	struct rusage before, used;
	uint64_t moved = 0;
	getrusage(RUSAGE_SELF, &before);
	double began = seconds();
	for (uint64_t at = 0; at < length;) {
		unsigned long count = 0;
		for (; count < CALL_BYTES / page && at < length; count++, at += page) {
			pages[count] = (void *)(uintptr_t)(start + at);
			nodes[count] = node;
		}
		long result = syscall(SYS_move_pages, pid, count, pages, nodes, status, MPOL_MF_MOVE);
		if (result < 0) {
			fprintf(stderr, "migrate: move_pages: %s\n", strerror(errno));
			return 1;
		}
		for (unsigned long i = 0; i < count; i++)
			if (status[i] == node)
				moved += page;
	}
	double took = seconds() - began;
	getrusage(RUSAGE_SELF, &used);
	printf("{\"bytes\":%llu,\"seconds\":%.6f,\"userSeconds\":%.6f,\"systemSeconds\":%.6f}\n", (unsigned long long)moved, took,
	       cpu_seconds(used.ru_utime) - cpu_seconds(before.ru_utime), cpu_seconds(used.ru_stime) - cpu_seconds(before.ru_stime));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: migrate PID START LENGTH NODES PAGE\n");
		return 2;
	}
	for (char *node = strtok(argv[4], ","); node; node = strtok(NULL, ","))
		if (trip((pid_t)number(argv[1], 10), number(argv[2], 16), number(argv[3], 10), number(argv[5], 10), (int)number(node, 10)))
			return 1;
	return 0;
}
