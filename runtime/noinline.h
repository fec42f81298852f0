/* SPDX-License-Identifier: 0BSD */
#ifndef MCUC_NOINLINE_H
#define MCUC_NOINLINE_H

/* Of a function that is not to be copied into its callers, of which there may be one a layer. */
#if defined(__GNUC__)
#define MCUC_NOINLINE __attribute__((noinline))
#else
#define MCUC_NOINLINE
#endif

#endif
