#include "rows.hpp"

#include "utf8.hpp"

#include <algorithm>
#include <cmath>

namespace acebridge::window {

void Rows::break_text(std::string_view text, float width, const Measure& measure) {
  rows_.clear();
  text_ = text;
  size_t begin = 0;
  while (true) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    break_line(text, begin, end, width, measure);
    if (end == text.size()) {
      return;
    }
    begin = end + 1;
  }
}

void Rows::break_line(std::string_view text, size_t begin, size_t end, float width, const Measure& measure) {
  const std::vector<float> edges = measure(text.substr(begin, end - begin));
  const auto x_at = [&](size_t offset) { return edges[offset - begin]; };
  size_t first = begin;
  do {
    size_t last = end;
    if (width > 0 && x_at(end) - x_at(first) > width) {
      size_t fit = next_boundary(text, first);
      size_t space = 0;
      while (fit < end && x_at(std::min(next_boundary(text, fit), end)) - x_at(first) <= width) {
        fit = next_boundary(text, fit);
        space = text[fit - 1] == ' ' ? fit : space;
      }
      last = space > first ? space : std::min(fit, end);
    }
    Row row{first, last, {}};
    for (size_t i = first; i <= last; ++i) {
      row.edges.push_back(x_at(i) - x_at(first));
    }
    rows_.push_back(std::move(row));
    first = last;
  } while (first < end);
}

size_t Rows::row_of(size_t offset) const {
  size_t row = 0;
  while (row + 1 < rows_.size() && rows_[row + 1].begin <= offset) {
    ++row;
  }
  return row;
}

float Rows::x_of(size_t offset) const {
  const Row& row = rows_[row_of(offset)];
  return row.edges[std::min(offset, row.end) - row.begin];
}

size_t Rows::offset_at(size_t index, float x) const {
  const Row& row = rows_[std::min(index, rows_.size() - 1)];
  // At a break within a line the end belongs to the next row.
  const bool is_broken = index + 1 < rows_.size() && rows_[index + 1].begin == row.end;
  size_t best = row.begin;
  for (size_t i = row.begin; i <= row.end; ++i) {
    const bool allowed = is_boundary(text_, i) && !(is_broken && i == row.end);
    if (allowed && std::abs(row.edges[i - row.begin] - x) < std::abs(row.edges[best - row.begin] - x)) {
      best = i;
    }
  }
  return best;
}

} // namespace acebridge::window
