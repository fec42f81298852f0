/* Start-up of a Cortex-M under QEMU: vectors, memory, semihosting, and SysTick as a counter of instructions. With
   `-icount shift=0` QEMU executes one instruction a nanosecond of virtual time, and SysTick runs at the board's own
   clock: INSTRUCTIONS_PER_TICK_X100 is 4000 for 25 MHz (an385, an386, an500), 3125 for 32 MHz (an547), 5000 for 20 MHz
   (an505). */
#include "board.h"

#ifndef INSTRUCTIONS_PER_TICK_X100
#error "the board's clock is not given; see run.sh"
#endif

#define PAINT 0xdeadbeefu
#define REGISTER(address) (*(volatile uint32_t*)(address))
#define SYST_CSR REGISTER(0xe000e010)
#define SYST_RVR REGISTER(0xe000e014)
#define SYST_CVR REGISTER(0xe000e018)
#define CPACR REGISTER(0xe000ed88)
#define RELOAD 0xffffffu

extern uint32_t _sidata, _sdata, _edata, _sbss, _ebss, _stack_limit, _estack; /* from the linker script */
int main(void);

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };

static int semihost(int operation, const void* argument) {
  register int r0 __asm("r0") = operation;
  register const void* r1 __asm("r1") = argument;
  __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
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

static volatile uint32_t wraps;

static void on_tick(void) { ++wraps; }

static void start_counting(void) {
  SYST_RVR = RELOAD;
  SYST_CVR = 0;
  SYST_CSR = 7;                             /* the core's clock, with an interrupt, enabled */
  for (volatile int i = 0; i < 1000; ++i) { /* the first reload counts as a wrap */
  }
  wraps = 0;
}

uint64_t board_instructions(void) {
  uint32_t high, low;
  do {
    high = wraps;
    low = RELOAD - SYST_CVR;
  } while (high != wraps);
  return (((uint64_t)high << 24) + low) * INSTRUCTIONS_PER_TICK_X100 / 100;
}

static void reset(void) {
  CPACR |= 0xfu << 20; /* the floating-point unit, where there is one */
  __asm volatile("dsb\n\tisb");
  const uint32_t* from = &_sidata;
  for (uint32_t* to = &_sdata; to < &_edata;) *to++ = *from++;
  for (uint32_t* to = &_sbss; to < &_ebss;) *to++ = 0;
  uint32_t* const bottom = &_stack_limit;
  uint32_t* top;
  __asm volatile("mov %0, sp" : "=r"(top));
  for (uint32_t* p = bottom; p < top - 16; ++p) *p = PAINT;
  start_counting();
  const int code = main();
  const uint32_t* deepest = bottom;
  while (deepest < top && *deepest == PAINT) ++deepest;
  board_text("stack ");
  board_number((uint32_t)((top - deepest) * 4));
  board_text("\n");
  leave(deepest == bottom ? 98 : (uint32_t)code);
}

static void fault(void) {
  board_text("fault\n");
  leave(99);
}

__attribute__((section(".vectors"), used)) static const void* const vectors[16] = {
    &_estack, reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, on_tick};
