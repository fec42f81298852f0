/* What a program under test has of its board: text to the host and a count of executed instructions. start_cortex_m.c
   and start_rv32.c implement it, call main(), and print behind it how deep the stack was: stack 312 The emulator exits
   with main's result; 98 where the stack ran into the program's data, 99 on a fault. */
#ifndef MCUC_TEST_QEMU_BOARD_H
#define MCUC_TEST_QEMU_BOARD_H

#include <stdint.h>

void board_text(const char* text);
void board_number(uint32_t value);
/* Instructions executed since the start. Exact on the FE310; on Cortex-M exact to one tick of SysTick, 50 at most. */
uint64_t board_instructions(void);

#endif
