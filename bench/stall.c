// What scanning does to its target: a process of some size with one thread that takes page faults and one that maps and
// unmaps, each measuring the longest that one of them took. Run it once with nobody scanning: that is the control.
// cc -O2 -Wall -Wextra -Werror -pthread -o stall bench/stall.c
// stall MIB SECONDS [INTERVAL_MS]    A line of JSON when the memory is filled, one an interval, and one for the whole run.
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

// Between two probes: often enough to meet every pause of a scan, seldom enough to leave the machine alone.
static const long PAUSE_NS = 20 * 1000;

struct probe {
	void (*once)(void *page, size_t page_bytes);
	void *page;
	size_t page_bytes;
	_Atomic uint64_t longest_ns; /* of the current interval */
	_Atomic uint64_t count;      /* of the whole run */
};

static atomic_bool running = true;

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *map(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED) {
		fprintf(stderr, "stall: mmap %zu bytes: %s\n", bytes, strerror(errno));
		exit(1);
	}
	return at;
}

static void take_fault(void *page, size_t page_bytes)
{
	(void)page_bytes;
	*(volatile char *)page = 1;
}

static void map_and_unmap(void *page, size_t page_bytes)
{
	(void)page;
	munmap(map(page_bytes), page_bytes);
}

static void *probing(void *argument)
{
	struct probe *probe = argument;
	struct timespec pause = { 0, PAUSE_NS };
	while (running) {
		// The page given back is what the next touch faults in; giving it back is not measured.
		madvise(probe->page, probe->page_bytes, MADV_DONTNEED);
		uint64_t began = now_ns();
		probe->once(probe->page, probe->page_bytes);
		uint64_t took = now_ns() - began;
		uint64_t longest = probe->longest_ns;
		while (took > longest && !atomic_compare_exchange_weak(&probe->longest_ns, &longest, took))
			;
		probe->count++;
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void sleep_until(uint64_t when_ns)
{
	struct timespec when = { (time_t)(when_ns / 1000000000u), (long)(when_ns % 1000000000u) };
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
		;
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

int main(int argc, char **argv)
{
	long mib = argc > 2 ? atol(argv[1]) : 0, run_seconds = argc > 2 ? atol(argv[2]) : 0;
	long interval_ms = argc > 3 ? atol(argv[3]) : 1000;
	if (mib <= 0 || run_seconds <= 0 || interval_ms <= 0) {
		fprintf(stderr, "usage: stall MIB SECONDS [INTERVAL_MS]\n");
		return 2;
	}
	size_t bytes = (size_t)mib << 20, page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = map(bytes);
	madvise(memory, bytes, MADV_NOHUGEPAGE);
	for (size_t at = 0; at < bytes; at += page_bytes)
		memory[at] = 1;
	struct probe fault = { .once = take_fault, .page = map(page_bytes), .page_bytes = page_bytes };
	struct probe mapping = { .once = map_and_unmap, .page = map(page_bytes), .page_bytes = page_bytes };
	pthread_t threads[2];
	if (pthread_create(&threads[0], NULL, probing, &fault) != 0 || pthread_create(&threads[1], NULL, probing, &mapping) != 0) {
		fprintf(stderr, "stall: no thread\n");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("{\"ready\":true,\"pid\":%d,\"start\":\"0x%" PRIxPTR "\",\"bytes\":%zu}\n", getpid(), (uintptr_t)memory, bytes);

	uint64_t began = now_ns(), end = began + (uint64_t)run_seconds * 1000000000u, longest_fault = 0, longest_mmap = 0;
	for (uint64_t due = began; due < end;) {
		due += (uint64_t)interval_ms * 1000000u;
		sleep_until(due);
		uint64_t fault_ns = atomic_exchange(&fault.longest_ns, 0), mmap_ns = atomic_exchange(&mapping.longest_ns, 0);
		longest_fault = max(longest_fault, fault_ns);
		longest_mmap = max(longest_mmap, mmap_ns);
		printf("{\"atMs\":%" PRIu64 ",\"faultMs\":%.3f,\"mmapMs\":%.3f}\n", (due - began) / 1000000u, (double)fault_ns / 1e6, (double)mmap_ns / 1e6);
	}
	running = false;
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	printf("{\"ready\":false,\"longestFaultMs\":%.3f,\"longestMmapMs\":%.3f,\"faults\":%" PRIu64 ",\"mmaps\":%" PRIu64 "}\n",
	       (double)longest_fault / 1e6, (double)longest_mmap / 1e6, (uint64_t)fault.count, (uint64_t)mapping.count);
	return 0;
}
