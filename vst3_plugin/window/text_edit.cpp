#include "text_edit.hpp"

#include "text.hpp"
#include "utf8.hpp"

#include <algorithm>

namespace acebridge::window {

std::string TextEdit::clean(std::string_view text) const {
  const std::string valid = clean_utf8(text);
  std::string clean;
  clean.reserve(valid.size());
  for (size_t i = 0; i < valid.size(); ++i) {
    const bool is_return = valid[i] == '\r';
    if (is_return && i + 1 < valid.size() && valid[i + 1] == '\n') {
      continue;
    }
    if (is_return || valid[i] == '\n') {
      clean += lines_ == Lines::many ? '\n' : ' ';
    } else if (valid[i] == '\t') {
      clean += ' ';
    } else if (static_cast<unsigned char>(valid[i]) >= 0x20 && valid[i] != 0x7F) {
      clean += valid[i];
    }
  }
  return clean;
}

void TextEdit::set_text(std::string_view text) {
  now_.text = clean(text);
  now_.caret = now_.anchor = now_.text.size();
  undo_.clear();
  redo_.clear();
  last_ = Kind::none;
}

void TextEdit::place(size_t offset, bool extend) {
  offset = std::min(offset, now_.text.size());
  while (!is_boundary(now_.text, offset)) {
    --offset;
  }
  now_.caret = offset;
  if (!extend) {
    now_.anchor = offset;
  }
  last_ = Kind::none;
}

size_t TextEdit::target(Step step) const {
  const std::string& text = now_.text;
  size_t at = now_.caret;
  const auto word_at = [&](size_t i) { return is_word(decode_utf8(text, i)); };
  switch (step) {
  case Step::left:
    return previous_boundary(text, at);
  case Step::right:
    return next_boundary(text, at);
  case Step::word_left:
    while (at > 0 && !word_at(previous_boundary(text, at))) {
      at = previous_boundary(text, at);
    }
    while (at > 0 && word_at(previous_boundary(text, at))) {
      at = previous_boundary(text, at);
    }
    return at;
  case Step::word_right:
    while (at < text.size() && !word_at(at)) {
      at = next_boundary(text, at);
    }
    while (at < text.size() && word_at(at)) {
      at = next_boundary(text, at);
    }
    return at;
  case Step::line_start: {
    const size_t line = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
    return line == std::string::npos ? 0 : line + 1;
  }
  case Step::line_end:
    return std::min(text.find('\n', at), text.size());
  case Step::text_start:
    return 0;
  default:
    return text.size();
  }
}

void TextEdit::move(Step step, bool extend) {
  // An arrow leaves a selection at the end that it points to.
  if (!extend && has_selection() && (step == Step::left || step == Step::right)) {
    place(step == Step::left ? begin() : end(), false);
    return;
  }
  place(target(step), extend);
}

void TextEdit::select_word(size_t offset) {
  place(offset, false);
  const std::string& text = now_.text;
  size_t first = now_.caret;
  size_t last = now_.caret;
  const auto kind_at = [&](size_t i) { return is_word(decode_utf8(text, i)); };
  if (text.empty()) {
    return;
  }
  if (last == text.size() || text[last] == '\n') {
    first = previous_boundary(text, last);
    if (text[first] == '\n') {
      return;
    }
    last = first;
  }
  const bool kind = kind_at(last);
  while (last < text.size() && text[last] != '\n' && kind_at(last) == kind) {
    last = next_boundary(text, last);
  }
  while (first > 0 && text[first - 1] != '\n' && kind_at(previous_boundary(text, first)) == kind) {
    first = previous_boundary(text, first);
  }
  now_.anchor = first;
  now_.caret = last;
}

void TextEdit::select_line(size_t offset) {
  place(offset, false);
  now_.anchor = target(Step::line_start);
  now_.caret = std::min(target(Step::line_end) + 1, now_.text.size());
}

void TextEdit::select_all() {
  now_.anchor = 0;
  now_.caret = now_.text.size();
  last_ = Kind::none;
}

void TextEdit::remember(Kind kind) {
  if (kind != Kind::typing || last_ != Kind::typing) {
    undo_.push_back(now_);
    if (undo_.size() > kMostUndo) {
      undo_.erase(undo_.begin());
    }
  }
  redo_.clear();
  last_ = kind;
}

void TextEdit::replace(size_t begin, size_t end, std::string_view text) {
  now_.text.replace(begin, end - begin, text);
  size_t caret = begin + text.size();
  // What was put in may have joined with what lies around it.
  while (!is_boundary(now_.text, caret)) {
    ++caret;
  }
  now_.caret = now_.anchor = caret;
}

void TextEdit::insert(std::string_view text) {
  std::string fresh = clean(text);
  const size_t space = most_bytes_ - std::min(most_bytes_, now_.text.size() - (end() - begin()));
  if (fresh.size() > space) {
    size_t length = space;
    while (length > 0 && !is_code_start(fresh, length)) {
      --length;
    }
    fresh.resize(length);
  }
  if (fresh.empty() && !has_selection()) {
    return;
  }
  const bool is_letter = !fresh.empty() && next_boundary(fresh, 0) == fresh.size() && is_word(decode_utf8(fresh, 0));
  remember(is_letter && !has_selection() ? Kind::typing : Kind::other);
  replace(begin(), end(), fresh);
}

void TextEdit::erase(Step step) {
  const bool selected = has_selection();
  const size_t to = selected ? now_.anchor : target(step);
  if (to == now_.caret) {
    return;
  }
  remember(Kind::other);
  replace(std::min(to, now_.caret), std::max(to, now_.caret), "");
}

std::string TextEdit::cut() {
  std::string text = selected();
  if (!text.empty()) {
    remember(Kind::other);
    replace(begin(), end(), "");
  }
  return text;
}

bool TextEdit::undo() {
  if (undo_.empty()) {
    return false;
  }
  redo_.push_back(std::move(now_));
  now_ = std::move(undo_.back());
  undo_.pop_back();
  last_ = Kind::none;
  return true;
}

bool TextEdit::redo() {
  if (redo_.empty()) {
    return false;
  }
  undo_.push_back(std::move(now_));
  now_ = std::move(redo_.back());
  redo_.pop_back();
  last_ = Kind::none;
  return true;
}

} // namespace acebridge::window
