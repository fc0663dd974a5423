// Text that is being edited: caret, selection, undo. No keys, no pixels.
//
// Offsets count bytes; a caret never stands inside of a character.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace acebridge::window {

enum class Step { left, right, word_left, word_right, line_start, line_end, text_start, text_end };

class TextEdit {
public:
  enum class Lines { one, many };

  static constexpr size_t kMostUndo = 200;

  explicit TextEdit(Lines lines = Lines::one, size_t most_bytes = 65536) : lines_(lines), most_bytes_(most_bytes) {}

  const std::string& text() const { return now_.text; }
  size_t caret() const { return now_.caret; }
  size_t begin() const { return now_.caret < now_.anchor ? now_.caret : now_.anchor; }
  size_t end() const { return now_.caret < now_.anchor ? now_.anchor : now_.caret; }
  bool has_selection() const { return now_.caret != now_.anchor; }
  std::string selected() const { return now_.text.substr(begin(), end() - begin()); }

  // Text from elsewhere: what could be undone is forgotten.
  void set_text(std::string_view text);

  // Put the caret somewhere; `extend` leaves the other end of the selection where it is.
  void place(size_t offset, bool extend);
  void move(Step step, bool extend);
  void select_word(size_t offset);
  void select_line(size_t offset);
  void select_all();

  // In place of the selection. Of several lines, a field of one line keeps one; what does not fit is left out.
  void insert(std::string_view text);
  // The selection, or what lies from the caret to where the step leads.
  void erase(Step step);
  std::string cut();

  bool undo();
  bool redo();

private:
  struct Snapshot {
    std::string text;
    size_t caret = 0;
    size_t anchor = 0;
  };

  enum class Kind { none, typing, other };

  std::string clean(std::string_view text) const;
  size_t target(Step step) const;
  void remember(Kind kind);
  void replace(size_t begin, size_t end, std::string_view text);

  Lines lines_;
  size_t most_bytes_;
  Snapshot now_;
  std::vector<Snapshot> undo_;
  std::vector<Snapshot> redo_;
  Kind last_ = Kind::none; // letters that are typed one after the other are undone at once
};

} // namespace acebridge::window
