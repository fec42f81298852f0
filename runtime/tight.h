/* SPDX-License-Identifier: 0BSD */
#ifndef MCUC_TIGHT_H
#define MCUC_TIGHT_H

/* Of a table that is read element by element: compilers align large ones to up to 32 bytes, which here only adds bytes
   between them. */
#if defined(__GNUC__)
#define MCUC_TIGHT(bytes) __attribute__((aligned(bytes)))
#else
#define MCUC_TIGHT(bytes)
#endif

#endif
