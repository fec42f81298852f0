/* For the FE310, whose programs have no C library: what start_rv32.c defines of it. */
#ifndef MCUC_TEST_QEMU_FREESTANDING_STRING_H
#define MCUC_TEST_QEMU_FREESTANDING_STRING_H

#include <stddef.h>

void* memcpy(void* to, const void* from, size_t n);
void* memset(void* to, int value, size_t n);

#endif
