// A field with text: draws it, and turns mouse and keys into edits.
#pragma once

#include "canvas.hpp"
#include "input.hpp"
#include "rows.hpp"
#include "text_edit.hpp"

namespace acebridge::window {

class Outside;

class Field {
public:
  enum class Answer { unused, used, changed, leave };

  static constexpr float kTextSize = 14;
  static constexpr float kRowHeight = 18;
  static constexpr float kPadding = 6;

  Field(TextEdit::Lines lines, const char* label, const char* hint) : edit_(lines), lines_(lines), label_(label), hint_(hint) {}

  const char* label() const { return label_; }
  const std::string& text() const { return edit_.text(); }
  const TextEdit& edit() const { return edit_; }
  bool is_enabled() const { return is_enabled_; }
  bool has_focus() const { return has_focus_; }
  Rect area() const { return area_; }

  void place(const Rect& area) { area_ = area; }
  void enable(bool enabled) { is_enabled_ = enabled; }
  void focus(bool focused);
  void set_text(std::string_view text) { edit_.set_text(text); }

  void draw(Canvas& canvas);

  void press(Canvas& canvas, Point at, int clicks, bool extend);
  void drag(Canvas& canvas, Point at);
  void scroll(Canvas& canvas, float rows);

  Answer key(Canvas& canvas, const KeyPress& press, Outside& outside);
  // Text that was typed, or comes from an input method or the clipboard.
  Answer insert(Canvas& canvas, std::string_view text);

private:
  bool has_many_lines() const { return lines_ == TextEdit::Lines::many; }
  Rect inside() const { return {area_.x + kPadding, area_.y + 4, area_.width - 2 * kPadding, area_.height - 8}; }
  float row_top(size_t row) const;
  void arrange(Canvas& canvas);
  void show_caret(Canvas& canvas);
  size_t offset_at(Point at) const;
  void move_rows(int rows, bool extend);
  bool move(const KeyPress& press);
  Answer control(uint32_t code, Outside& outside, bool shift);
  Answer erase(const KeyPress& press);
  void draw_selection(Canvas& canvas) const;

  TextEdit edit_;
  TextEdit::Lines lines_;
  const char* label_;
  const char* hint_;
  Rect area_;
  bool is_enabled_ = true;
  bool has_focus_ = false;
  Rows rows_;
  std::string arranged_text_;
  float arranged_width_ = -1;
  float scroll_x_ = 0;
  float scroll_y_ = 0;
  float goal_x_ = -1; // where the caret wants to be in a row that is long enough
};

} // namespace acebridge::window
