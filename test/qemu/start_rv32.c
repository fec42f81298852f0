/* Start-up of the SiFive FE310 (RV32IMAC, 16 KiB of SRAM, flash at 0x20400000) under qemu-system-riscv32 -M sifive_e,
   without a C library: memory, semihosting, and minstret as the counter of instructions. */
#include <string.h>

#include "board.h"

#define PAINT 0xdeadbeefu

extern uint32_t _sidata, _sdata, _edata, _sbss, _ebss, _stack_limit, _estack; /* from the linker script */
int main(void);

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };

/* The three instructions are the mark of a semihosting call and must not be compressed. */
__attribute__((noinline)) static long semihost(long operation, const void* argument) {
  register long a0 __asm("a0") = operation;
  register const void* a1 __asm("a1") = argument;
  __asm volatile(".option push\n\t.option norvc\n\tslli x0, x0, 0x1f\n\tebreak\n\tsrai x0, x0, 7\n\t.option pop"
                 : "+r"(a0)
                 : "r"(a1)
                 : "memory");
  return a0;
}

static void leave(uint32_t code) {
  const uint32_t block[2] = {APPLICATION_EXIT, code};
  semihost(SYS_EXIT_EXTENDED, block);
  for (;;) {
  }
}

void board_text(const char* text) { semihost(SYS_WRITE0, text); }

void board_number(uint32_t value) {
  char digits[11];
  int i = 10;
  digits[i] = 0;
  do {
    digits[--i] = (char)('0' + value % 10);
    value /= 10;
  } while (value != 0);
  board_text(digits + i);
}

uint64_t board_instructions(void) {
  uint32_t high, low, again;
  do {
    __asm volatile("csrr %0, minstreth\n\tcsrr %1, minstret\n\tcsrr %2, minstreth"
                   : "=r"(high), "=r"(low), "=r"(again));
  } while (high != again);
  return (uint64_t)high << 32 | low;
}

void* memcpy(void* to, const void* from, size_t n) {
  char* p = to;
  const char* q = from;
  while (n-- > 0) *p++ = *q++;
  return to;
}

void* memset(void* to, int value, size_t n) {
  char* p = to;
  while (n-- > 0) *p++ = (char)value;
  return to;
}

__attribute__((used)) static void reset(void) {
  const uint32_t* from = &_sidata;
  for (uint32_t* to = &_sdata; to < &_edata;) *to++ = *from++;
  for (uint32_t* to = &_sbss; to < &_ebss;) *to++ = 0;
  uint32_t* const bottom = &_stack_limit;
  uint32_t* top;
  __asm volatile("mv %0, sp" : "=r"(top));
  for (uint32_t* p = bottom; p < top - 16; ++p) *p = PAINT;
  const int code = main();
  const uint32_t* deepest = bottom;
  while (deepest < top && *deepest == PAINT) ++deepest;
  board_text("stack ");
  board_number((uint32_t)((top - deepest) * 4));
  board_text("\n");
  leave(deepest == bottom ? 98 : (uint32_t)code);
}

__attribute__((used)) static void fault(void) {
  board_text("fault\n");
  leave(99);
}

__attribute__((naked, section(".init"), used)) void _start(void) {
  __asm volatile("la sp, _estack\n\tla t0, fault\n\tcsrw mtvec, t0\n\tj reset\n");
}
