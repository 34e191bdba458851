// What the loops of C share: the clock, the processor time, and numbers of the command line. With _GNU_SOURCE before it.
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_seconds(struct timeval used)
{
	return (double)used.tv_sec + (double)used.tv_usec / 1e6;
}

static uint64_t number(const char *text, int base)
{
	char *end;
	errno = 0;
	uint64_t value = strtoull(text, &end, base);
	if (errno != 0 || end == text || *end != '\0') {
		fprintf(stderr, "%s: not a number: %s\n", program_invocation_short_name, text);
		exit(2);
	}
	return value;
}
