#include "field.hpp"

#include "outside.hpp"

#include <algorithm>
#include <cmath>

namespace acebridge::window {

void Field::focus(bool focused) {
  has_focus_ = focused;
  if (!focused) {
    edit_.place(edit_.caret(), false);
  }
}

float Field::row_top(size_t row) const {
  const float top = has_many_lines() ? inside().y - scroll_y_ : area_.middle() - kRowHeight / 2;
  return top + static_cast<float>(row) * kRowHeight;
}

void Field::arrange(Canvas& canvas) {
  const float width = has_many_lines() ? std::max(40.0F, inside().width - 8) : 0;
  if (edit_.text() == arranged_text_ && width == arranged_width_) {
    return;
  }
  rows_.break_text(edit_.text(), width, [&](std::string_view line) { return canvas.edges(line, kTextSize); });
  arranged_text_ = edit_.text();
  arranged_width_ = width;
}

void Field::show_caret(Canvas& canvas) {
  arrange(canvas);
  const Rect box = inside();
  if (has_many_lines()) {
    const float top = static_cast<float>(rows_.row_of(edit_.caret())) * kRowHeight;
    const float most = std::max(0.0F, static_cast<float>(rows_.count()) * kRowHeight - box.height);
    scroll_y_ = std::clamp(scroll_y_, top + kRowHeight - box.height, top);
    scroll_y_ = std::clamp(scroll_y_, 0.0F, most);
    return;
  }
  const float x = rows_.x_of(edit_.caret());
  const float most = std::max(0.0F, rows_.at(0).edges.back() - box.width + 2);
  scroll_x_ = std::clamp(scroll_x_, x - box.width + 2, x);
  scroll_x_ = std::clamp(scroll_x_, 0.0F, most);
}

size_t Field::offset_at(Point at) const {
  const float row = std::floor((at.y - row_top(0)) / kRowHeight);
  const auto last = static_cast<float>(rows_.count() - 1);
  return rows_.offset_at(static_cast<size_t>(std::clamp(row, 0.0F, last)), at.x - inside().x + scroll_x_);
}

void Field::press(Canvas& canvas, Point at, int clicks, bool extend) {
  arrange(canvas);
  goal_x_ = -1;
  const size_t offset = offset_at(at);
  if (clicks == 2) {
    edit_.select_word(offset);
  } else if (clicks >= 3) {
    edit_.select_line(offset);
  } else {
    edit_.place(offset, extend);
  }
  show_caret(canvas);
}

void Field::drag(Canvas& canvas, Point at) {
  arrange(canvas);
  edit_.place(offset_at(at), true);
  show_caret(canvas);
}

void Field::scroll(Canvas& canvas, float rows) {
  arrange(canvas);
  const float most = std::max(0.0F, static_cast<float>(rows_.count()) * kRowHeight - inside().height);
  scroll_y_ = has_many_lines() ? std::clamp(scroll_y_ - rows * kRowHeight, 0.0F, most) : 0;
}

void Field::move_rows(int rows, bool extend) {
  const auto row = static_cast<int>(rows_.row_of(edit_.caret()));
  const auto last = static_cast<int>(rows_.count()) - 1;
  const float x = goal_x_ >= 0 ? goal_x_ : rows_.x_of(edit_.caret());
  const int to = row + rows;
  if (to < 0 || to > last) {
    edit_.move(rows < 0 ? Step::text_start : Step::text_end, extend);
  } else {
    edit_.place(rows_.offset_at(static_cast<size_t>(to), x), extend);
  }
  goal_x_ = x;
}

bool Field::move(const KeyPress& press) {
  const bool control = press.modifiers.control;
  const bool extend = press.modifiers.shift;
  const int page = std::max(1, static_cast<int>(inside().height / kRowHeight) - 1);
  switch (press.name) {
  case KeyName::up:
    move_rows(-1, extend);
    return true;
  case KeyName::down:
    move_rows(1, extend);
    return true;
  case KeyName::page_up:
    move_rows(-page, extend);
    return true;
  case KeyName::page_down:
    move_rows(page, extend);
    return true;
  case KeyName::left:
    edit_.move(control ? Step::word_left : Step::left, extend);
    break;
  case KeyName::right:
    edit_.move(control ? Step::word_right : Step::right, extend);
    break;
  case KeyName::home:
    edit_.move(control ? Step::text_start : Step::line_start, extend);
    break;
  case KeyName::end:
    edit_.move(control ? Step::text_end : Step::line_end, extend);
    break;
  default:
    return false;
  }
  goal_x_ = -1;
  return true;
}

Field::Answer Field::control(uint32_t code, Outside& outside, bool shift) {
  switch (code) {
  case 'a':
    edit_.select_all();
    return Answer::used;
  case 'c':
  case 'x':
    if (edit_.has_selection()) {
      outside.copy(edit_.selected());
    }
    return code == 'x' && !edit_.cut().empty() ? Answer::changed : Answer::used;
  case 'v':
    outside.ask_paste();
    return Answer::used;
  case 'z':
  case 'y': {
    const bool changed = code == 'y' || shift ? edit_.redo() : edit_.undo();
    return changed ? Answer::changed : Answer::used;
  }
  default:
    return Answer::unused;
  }
}

Field::Answer Field::erase(const KeyPress& press) {
  const bool back = press.name == KeyName::backspace;
  const std::string before = edit_.text();
  if (press.modifiers.control) {
    edit_.erase(back ? Step::word_left : Step::word_right);
  } else {
    edit_.erase(back ? Step::left : Step::right);
  }
  return edit_.text() == before ? Answer::used : Answer::changed;
}

Field::Answer Field::key(Canvas& canvas, const KeyPress& press, Outside& outside) {
  arrange(canvas);
  Answer answer = Answer::unused;
  if (move(press)) {
    answer = Answer::used;
  } else if (press.name == KeyName::escape) {
    return Answer::leave;
  } else if (press.name == KeyName::enter) {
    if (!has_many_lines()) {
      return Answer::leave;
    }
    answer = insert(canvas, "\n");
  } else if (press.name == KeyName::backspace || press.name == KeyName::remove) {
    answer = erase(press);
    goal_x_ = -1;
  } else if (press.name == KeyName::character) {
    const bool is_command = press.modifiers.control && !press.modifiers.alt;
    // What is no command comes as text as well: the host must not act on it.
    answer = is_command ? control(press.code, outside, press.modifiers.shift)
                        : press.modifiers.alt && !press.modifiers.control ? Answer::unused : Answer::used;
    goal_x_ = -1;
  }
  show_caret(canvas);
  return answer;
}

Field::Answer Field::insert(Canvas& canvas, std::string_view text) {
  const std::string before = edit_.text();
  edit_.insert(text);
  goal_x_ = -1;
  show_caret(canvas);
  return edit_.text() == before ? Answer::used : Answer::changed;
}

void Field::draw_selection(Canvas& canvas) const {
  std::vector<Rect> marks;
  for (size_t i = 0; i < rows_.count(); ++i) {
    const Row& row = rows_.at(i);
    const size_t begin = std::max(edit_.begin(), row.begin);
    const size_t end = std::min(edit_.end(), row.end);
    const bool with_line_end = edit_.begin() <= row.end && edit_.end() > row.end;
    if (begin < end || with_line_end) {
      const float x = row.edges[begin - row.begin];
      const float width = row.edges[end - row.begin] - x + (with_line_end ? 5.0F : 0.0F);
      marks.push_back({inside().x - scroll_x_ + x, row_top(i), width, kRowHeight});
    }
  }
  canvas.fill_all(marks, colors::kSelection);
}

void Field::draw(Canvas& canvas) {
  arrange(canvas);
  const Rect box = inside();
  canvas.text({area_.x, area_.y - 8}, label_, 12, is_enabled_ ? colors::kDim : colors::kOff);
  canvas.fill(area_, is_enabled_ ? colors::kField : colors::kBack, 4);
  canvas.outline(area_, has_focus_ ? colors::kAccent : colors::kEdge, 4);
  canvas.clip({area_.x + 2, area_.y + 2, area_.width - 4, area_.height - 4});
  if (text().empty() && !has_focus_) {
    canvas.text({box.x, row_top(0) + kRowHeight / 2}, hint_, kTextSize, colors::kOff);
  }
  if (has_focus_ && edit_.has_selection()) {
    draw_selection(canvas);
  }
  for (size_t i = 0; i < rows_.count(); ++i) {
    const float top = row_top(i);
    if (top + kRowHeight < area_.y || top > area_.bottom()) {
      continue;
    }
    const std::string_view row = std::string_view(text()).substr(rows_.at(i).begin, rows_.at(i).end - rows_.at(i).begin);
    canvas.text({box.x - scroll_x_, top + kRowHeight / 2}, row, kTextSize, is_enabled_ ? colors::kText : colors::kOff);
  }
  if (has_focus_) {
    const float x = box.x - scroll_x_ + rows_.x_of(edit_.caret());
    const float top = row_top(rows_.row_of(edit_.caret()));
    canvas.line({x, top + 1}, {x, top + kRowHeight - 1}, colors::kText, 1.5F);
  }
  const float all = static_cast<float>(rows_.count()) * kRowHeight;
  if (has_many_lines() && all > box.height) {
    const float length = std::max(16.0F, box.height * box.height / all);
    const float top = box.y + (box.height - length) * scroll_y_ / (all - box.height);
    canvas.fill({area_.right() - 7, top, 4, length}, colors::kEdge, 2);
  }
  canvas.release();
}

} // namespace acebridge::window
