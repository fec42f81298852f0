/* For the FE310, whose programs have no C library: the constants only. */
#ifndef MCUC_TEST_QEMU_FREESTANDING_MATH_H
#define MCUC_TEST_QEMU_FREESTANDING_MATH_H

#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")

#endif
