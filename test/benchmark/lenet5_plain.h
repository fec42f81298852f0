#ifndef LENET5_PLAIN_H
#define LENET5_PLAIN_H

void lenet5_plain_weights(void);                      /* once, before the first call */
void lenet5_plain(const float* image, float* logits); /* 32 x 32 -> 10 */

#endif
