// Text broken into rows that fit a width, and where each character of them is.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace acebridge::window {

// Where each byte of a line begins, and where the line ends: see Canvas::edges.
using Measure = std::function<std::vector<float>(std::string_view)>;

struct Row {
  size_t begin = 0;
  size_t end = 0;           // without the line's end
  std::vector<float> edges; // of each byte, from 0 on, and of the end
};

class Rows {
public:
  // A width of 0 breaks no line but at its end.
  void break_text(std::string_view text, float width, const Measure& measure);

  size_t count() const { return rows_.size(); }
  const Row& at(size_t index) const { return rows_[index]; }

  // The row of a caret: at a break within a line the row that begins there.
  size_t row_of(size_t offset) const;
  float x_of(size_t offset) const;
  // The place for a caret that is nearest to `x`.
  size_t offset_at(size_t row, float x) const;

private:
  void break_line(std::string_view text, size_t begin, size_t end, float width, const Measure& measure);

  std::vector<Row> rows_{Row{0, 0, {0}}};
  std::string text_;
};

} // namespace acebridge::window
