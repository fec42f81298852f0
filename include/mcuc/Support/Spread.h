// Mean and squared deviation of numbers that come one by one (Welford, "Note on a method for calculating corrected sums
// of squares and products", 1962).
#ifndef MCUC_SUPPORT_SPREAD_H
#define MCUC_SUPPORT_SPREAD_H

namespace mcuc {

struct Spread {
  double n = 0, mean = 0;
  double squares = 0;  // the sum of the squared differences to the mean

  void Add(double x) {
    const double difference = x - mean;
    n += 1;
    mean += difference / n;
    squares += difference * (x - mean);
  }
};

}  // namespace mcuc

#endif  // MCUC_SUPPORT_SPREAD_H
