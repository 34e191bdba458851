// The floor for swapping out: pages out one range of another process with a plain loop of 1 MiB calls.
// cc -O2 -Wall -Wextra -Werror -o pageout bench/pageout.c
// pageout PID START LENGTH    START in hex, LENGTH in bytes; prints one line of JSON.
#define _GNU_SOURCE
#include "floor.h"
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21 /* since 5.4 */
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_process_madvise
#define SYS_process_madvise 440 /* since 5.10 */
#endif

static const size_t CALL_BYTES = 1 << 20;

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: pageout PID START LENGTH\n");
		return 2;
	}
	int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)number(argv[1], 10), 0);
	if (pidfd < 0) {
		fprintf(stderr, "pageout: pidfd_open %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	uint64_t start = number(argv[2], 16), length = number(argv[3], 10), advised = 0;
	double began = seconds();
	for (uint64_t at = 0; at < length; at += CALL_BYTES) {
		size_t bytes = length - at < CALL_BYTES ? length - at : CALL_BYTES;
		struct iovec range = { (void *)(uintptr_t)(start + at), bytes };
		long done = syscall(SYS_process_madvise, pidfd, &range, 1, MADV_PAGEOUT, 0);
		if (done < 0) {
			fprintf(stderr, "pageout: process_madvise at 0x%llx: %s\n", (unsigned long long)(start + at), strerror(errno));
			return 1;
		}
		advised += (uint64_t)done;
	}
	double took = seconds() - began;
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	printf("{\"bytes\":%llu,\"seconds\":%.6f,\"bytesPerSecond\":%.0f,\"userSeconds\":%.6f,\"systemSeconds\":%.6f}\n",
	       (unsigned long long)advised, took, (double)advised / took, cpu_seconds(used.ru_utime), cpu_seconds(used.ru_stime));
	return 0;
}
