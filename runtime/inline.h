/* SPDX-License-Identifier: 0BSD */
/* MCUC_INLINE: for functions whose arguments are constants in a kernel, which then costs what one written for them
   would. */
#ifndef MCUC_INLINE_H
#define MCUC_INLINE_H

#if defined(__GNUC__)
#define MCUC_INLINE static inline __attribute__((always_inline))
#else
#define MCUC_INLINE static inline
#endif

#endif
