/* LeNet-5 as one writes it down: direct loops over floats, convolution, ReLU and max pool in one as in
   arXiv 2007.01348. What
   the emitted C is compared with on the host (host.sh). The time does not depend on the weights, which are made up
   here. */
#include "lenet5_plain.h"

static float conv1_w[6 * 1 * 5 * 5], conv1_b[6], conv2_w[16 * 6 * 5 * 5], conv2_b[16];
static float fc1_w[120 * 400], fc1_b[120], fc2_w[84 * 120], fc2_b[84], fc3_w[10 * 84], fc3_b[10];

static void fill(float* values, int count) {
  static unsigned state = 1;
  for (int i = 0; i < count; ++i) {
    state = state * 1103515245u + 12345u;
    values[i] = (float)(int)(state >> 16 & 0xff) / 1024.0f - 0.125f;
  }
}

void lenet5_plain_weights(void) {
  fill(conv1_w, 150), fill(conv1_b, 6), fill(conv2_w, 2400), fill(conv2_b, 16);
  fill(fc1_w, 48000), fill(fc1_b, 120), fill(fc2_w, 10080), fill(fc2_b, 84), fill(fc3_w, 840), fill(fc3_b, 10);
}

/* Convolution, ReLU and max pool of 2 x 2 in one loop. x: channels x size x size; y: filters x out x out */
static void conv_pool(const float* x, int channels, int size, const float* w, const float* b, int filters, int kernel,
                      float* y) {
  const int out = (size - kernel + 1) / 2;
  for (int m = 0; m < filters; ++m) {
    for (int row = 0; row < out; ++row) {
      for (int column = 0; column < out; ++column) {
        float most = 0.0f; /* ReLU */
        for (int r = 2 * row; r < 2 * row + 2; ++r) {
          for (int k = 2 * column; k < 2 * column + 2; ++k) {
            float sum = b[m];
            for (int c = 0; c < channels; ++c) {
              for (int i = 0; i < kernel; ++i) {
                for (int j = 0; j < kernel; ++j) {
                  sum += w[((m * channels + c) * kernel + i) * kernel + j] * x[(c * size + r + i) * size + k + j];
                }
              }
            }
            if (sum > most) most = sum;
          }
        }
        y[(m * out + row) * out + column] = most;
      }
    }
  }
}

static void fc(const float* x, int inputs, const float* w, const float* b, int outputs, int relu, float* y) {
  for (int m = 0; m < outputs; ++m) {
    float sum = b[m];
    for (int k = 0; k < inputs; ++k) sum += w[m * inputs + k] * x[k];
    y[m] = relu && sum < 0.0f ? 0.0f : sum;
  }
}

void lenet5_plain(const float* image, float* logits) {
  static float p1[6 * 14 * 14], p2[16 * 5 * 5], f1[120], f2[84];
  conv_pool(image, 1, 32, conv1_w, conv1_b, 6, 5, p1);
  conv_pool(p1, 6, 14, conv2_w, conv2_b, 16, 5, p2);
  fc(p2, 400, fc1_w, fc1_b, 120, 1, f1);
  fc(f1, 120, fc2_w, fc2_b, 84, 1, f2);
  fc(f2, 84, fc3_w, fc3_b, 10, 0, logits);
}
