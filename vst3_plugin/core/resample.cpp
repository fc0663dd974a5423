#include "resample.hpp"

#include "numbers.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace acebridge {
namespace {

constexpr double kPassband = 0.91; // of half the lower rate
constexpr double kStopbandDb = 120;
constexpr double kShape = 0.1102 * (kStopbandDb - 8.7); // Kaiser's formulas
constexpr double kHalfWidth = (kStopbandDb - 8) / (2.285 * (1 - kPassband) * kPi) / 2; // in frames of the lower rate
// More phases than that are not stored: only odd pairs of rates have them.
constexpr int64_t kMostPhases = 4096;

// The modified Bessel function of the first kind, order 0.
double bessel(double x) {
  double term = 1;
  double sum = 1;
  for (int k = 1; term > 1e-17 * sum; ++k) {
    term *= (x / (2 * k)) * (x / (2 * k));
    sum += term;
  }
  return sum;
}

// The low-pass between input frames. A phase is the part of an input frame at which an output frame lies.
class Filter {
public:
  Filter(int64_t up, int64_t down)
      : up_(up), scale_(std::min(1.0, static_cast<double>(up) / static_cast<double>(down))),
        half_(static_cast<int64_t>(std::ceil(kHalfWidth / scale_))), phases_(static_cast<size_t>(std::min(up, kMostPhases))) {}

  // Input frames before an output frame that count, and as many behind it.
  int64_t half() const { return half_; }

  // The weights of the input frames from `half() - 1` before the one at or before the output frame on.
  const std::vector<double>& weights(int64_t phase) {
    const bool is_stored = up_ <= kMostPhases;
    std::vector<double>& weights = phases_[is_stored ? static_cast<size_t>(phase) : 0];
    if (weights.empty() || !is_stored) {
      make(static_cast<double>(phase) / static_cast<double>(up_), weights);
    }
    return weights;
  }

private:
  void make(double part, std::vector<double>& weights) const {
    weights.clear();
    const double cutoff = scale_ * (1 + kPassband) / 2;
    for (int64_t i = 1 - half_; i <= half_; ++i) {
      const double distance = static_cast<double>(i) - part;
      const double edge = distance * scale_ / kHalfWidth;
      const double angle = kPi * cutoff * distance;
      const double sinc = angle == 0 ? 1 : std::sin(angle) / angle;
      weights.push_back(edge * edge >= 1 ? 0 : sinc * bessel(kShape * std::sqrt(1 - edge * edge)));
    }
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (double& weight : weights) { // a constant stays what it is
      weight /= sum;
    }
  }

  int64_t up_;
  double scale_; // of the lower rate to that of the input
  int64_t half_;
  std::vector<std::vector<double>> phases_;
};

} // namespace

Channels resample(const Channels& channels, uint32_t from_hz, uint32_t to_hz) {
  if (from_hz == to_hz) {
    return channels;
  }
  const int64_t divisor = std::gcd(int64_t{from_hz}, int64_t{to_hz});
  const int64_t up = to_hz / divisor;
  const int64_t down = from_hz / divisor;
  Filter filter(up, down);
  const int64_t frames = frames_of(channels);
  Channels out;
  for (auto& samples : out) {
    samples.resize(static_cast<size_t>(frames_to_frames(frames, from_hz, to_hz)));
  }
  for (int64_t n = 0; n < frames_of(out); ++n) {
    const std::vector<double>& weights = filter.weights(n * down % up);
    const int64_t first = n * down / up - filter.half() + 1;
    const int64_t begin = std::max<int64_t>(0, -first);
    const int64_t end = std::min(static_cast<int64_t>(weights.size()), frames - first);
    double left = 0;
    double right = 0;
    for (int64_t i = begin; i < end; ++i) {
      const double weight = weights[static_cast<size_t>(i)];
      left += weight * channels[0][static_cast<size_t>(first + i)];
      right += weight * channels[1][static_cast<size_t>(first + i)];
    }
    out[0][static_cast<size_t>(n)] = static_cast<float>(left);
    out[1][static_cast<size_t>(n)] = static_cast<float>(right);
  }
  return out;
}

} // namespace acebridge
