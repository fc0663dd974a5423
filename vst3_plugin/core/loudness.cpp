#include "loudness.hpp"

#include "numbers.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace acebridge {
namespace {

constexpr double kGateLu = -10; // relative to the loudness of all blocks above the absolute gate
constexpr size_t kStepsOfBlock = 4;

// A second-order section, in transposed direct form II.
struct Section {
  double b0, b1, b2, a1, a2;
  double first = 0;
  double second = 0;

  double next(double in) {
    const double out = b0 * in + first;
    first = b1 * in - a1 * out + second;
    second = b2 * in - a2 * out;
    return out;
  }
};

// The two stages of the K-weighting as analogue filters, from which the Recommendation's tables for 48 kHz follow (De Man,
// Evaluation of Implementations of the EBU R128 Loudness Measurement, 2018): the effect of a head, and a high-pass.
Section make_head(double rate_hz) {
  const double k = std::tan(kPi * 1681.974450955533 / rate_hz);
  const double q = 0.7071752369554196;
  const double high = std::pow(10, 3.999843853973347 / 20);
  const double middle = std::pow(high, 0.4996667741545416);
  const double whole = 1 + k / q + k * k;
  return {(high + middle * k / q + k * k) / whole, 2 * (k * k - high) / whole, (high - middle * k / q + k * k) / whole,
          2 * (k * k - 1) / whole, (1 - k / q + k * k) / whole};
}

Section make_high_pass(double rate_hz) {
  const double k = std::tan(kPi * 38.13547087602444 / rate_hz);
  const double q = 0.5003270373238773;
  const double whole = 1 + k / q + k * k;
  return {1, -2, 1, 2 * (k * k - 1) / whole, (1 - k / q + k * k) / whole};
}

double lufs_of(double power) { return -0.691 + 10 * std::log10(std::max(power, 1e-20)); }

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// The weighted power of each frame of one channel, added to `power`.
void add_power(const std::vector<float>& samples, double rate_hz, std::vector<double>& power) {
  Section head = make_head(rate_hz);
  Section high_pass = make_high_pass(rate_hz);
  for (size_t i = 0; i < samples.size(); ++i) {
    const double weighted = high_pass.next(head.next(samples[i]));
    power[i] += weighted * weighted;
  }
}

// Mean powers of blocks of 400 ms, each 100 ms after the one before.
std::vector<double> make_blocks(const std::vector<double>& power, double rate_hz) {
  const auto step = static_cast<std::ptrdiff_t>(rate_hz / 10);
  std::vector<double> steps;
  for (auto first = power.begin(); power.end() - first >= step; first += step) {
    steps.push_back(std::accumulate(first, first + step, 0.0) / static_cast<double>(step));
  }
  if (steps.size() < kStepsOfBlock) {
    return {mean(power)};
  }
  std::vector<double> blocks;
  for (size_t i = 0; i + kStepsOfBlock <= steps.size(); ++i) {
    blocks.push_back((steps[i] + steps[i + 1] + steps[i + 2] + steps[i + 3]) / kStepsOfBlock);
  }
  return blocks;
}

void drop_below(std::vector<double>& blocks, double gate_lufs) {
  const auto is_below = [&](double power) { return lufs_of(power) <= gate_lufs; };
  blocks.erase(std::remove_if(blocks.begin(), blocks.end(), is_below), blocks.end());
}

} // namespace

double integrated_lufs(const Channels& channels, double rate_hz) {
  if (channels[0].empty() || rate_hz < 10) {
    return kSilentLufs;
  }
  std::vector<double> power(channels[0].size());
  for (const auto& samples : channels) {
    add_power(samples, rate_hz, power);
  }
  std::vector<double> blocks = make_blocks(power, rate_hz);
  drop_below(blocks, kSilentLufs);
  if (blocks.empty()) {
    return kSilentLufs;
  }
  drop_below(blocks, lufs_of(mean(blocks)) + kGateLu);
  return lufs_of(mean(blocks));
}

} // namespace acebridge
