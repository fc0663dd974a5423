#include "check.hpp"
#include "rows.hpp"
#include "text.hpp"
#include "text_edit.hpp"
#include "utf8.hpp"

#include <array>
#include <random>

using namespace acebridge;
using namespace acebridge::window;

namespace {

using Points = std::u32string;

// The model: code points, no bytes; every character alone.
struct Model {
  Points text;
  size_t caret = 0;
  size_t anchor = 0;

  size_t begin() const { return std::min(caret, anchor); }
  size_t end() const { return std::max(caret, anchor); }
  void place(size_t at, bool extend) {
    caret = std::min(at, text.size());
    anchor = extend ? anchor : caret;
  }
  void replace(size_t from, size_t to, const Points& with) {
    text.replace(from, to - from, with);
    caret = anchor = from + with.size();
  }
};

std::string bytes_of(const Points& points) {
  std::string bytes;
  for (const char32_t point : points) {
    append_utf8(bytes, point);
  }
  return bytes;
}

size_t bytes_before(const Points& points, size_t count) { return bytes_of(points.substr(0, count)).size(); }

bool is_same(const TextEdit& edit, const Model& model) {
  return edit.text() == bytes_of(model.text) && edit.caret() == bytes_before(model.text, model.caret) &&
         edit.begin() == bytes_before(model.text, model.begin()) && edit.end() == bytes_before(model.text, model.end());
}

void agrees_with_a_naive_model() {
  static const std::array<Points, 9> kPieces{U"a", U"ß", U"日本", U"🎹", U" ", U"\n", U"word ", U"Ω_9", U"-,"};
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    TextEdit edit(TextEdit::Lines::many);
    Model model;
    std::vector<Model> history; // one for each edit that can be undone, while no letters are typed in a row
    for (int step = 0; step < 200; ++step) {
      const bool extend = random() % 3 == 0;
      switch (random() % 8) {
      case 0:
      case 1: {
        const Points& piece = kPieces[random() % kPieces.size()];
        edit.insert(bytes_of(piece));
        model.replace(model.begin(), model.end(), piece);
        break;
      }
      case 2: {
        const size_t at = random() % (model.text.size() + 1);
        edit.place(bytes_before(model.text, at), extend);
        model.place(at, extend);
        break;
      }
      case 3: {
        const bool left = random() % 2 == 0;
        edit.move(left ? Step::left : Step::right, extend);
        if (!extend && model.caret != model.anchor) {
          model.place(left ? model.begin() : model.end(), false);
        } else {
          model.place(left ? (model.caret == 0 ? 0 : model.caret - 1) : model.caret + 1, extend);
        }
        break;
      }
      case 4: {
        const bool back = random() % 2 == 0;
        edit.erase(back ? Step::left : Step::right);
        if (model.caret != model.anchor) {
          model.replace(model.begin(), model.end(), U"");
        } else if (back && model.caret > 0) {
          model.replace(model.caret - 1, model.caret, U"");
        } else if (!back && model.caret < model.text.size()) {
          model.replace(model.caret, model.caret + 1, U"");
        }
        break;
      }
      case 5: {
        edit.move(Step::line_start, extend);
        const size_t line = model.caret == 0 ? Points::npos : model.text.rfind(U'\n', model.caret - 1);
        model.place(line == Points::npos ? 0 : line + 1, extend);
        break;
      }
      case 6:
        edit.move(Step::line_end, extend);
        model.place(std::min(model.text.find(U'\n', model.caret), model.text.size()), extend);
        break;
      default:
        CHECK(edit.cut() == bytes_of(model.text.substr(model.begin(), model.end() - model.begin())));
        if (model.caret != model.anchor) {
          model.replace(model.begin(), model.end(), U"");
        }
        break;
      }
      CHECK(is_same(edit, model));
    }
  }
}

void undoes_and_redoes_everything() {
  for (unsigned seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    TextEdit edit(TextEdit::Lines::many);
    std::vector<std::string> states{edit.text()};
    for (int step = 0; step < 60; ++step) {
      if (random() % 4 == 0) {
        edit.erase(random() % 2 == 0 ? Step::word_left : Step::right);
      } else {
        edit.insert(random() % 2 == 0 ? "two words" : "é\n");
      }
      if (edit.text() != states.back()) {
        states.push_back(edit.text());
      }
      edit.place(random() % (edit.text().size() + 1), random() % 2 == 0);
    }
    const std::string last = edit.text();
    size_t back = states.size();
    while (edit.undo()) {
      while (back > 0 && states[back - 1] != edit.text()) {
        --back;
      }
      CHECK(back > 0);
    }
    CHECK(edit.text().empty());
    while (edit.redo()) {
    }
    CHECK(edit.text() == last);
    CHECK(is_boundary(edit.text(), edit.caret()));
  }
}

void undoes_a_typed_word_at_once() {
  TextEdit edit;
  for (const char* letter : {"h", "ö", "r", "t", " ", "z", "u"}) {
    edit.insert(letter);
  }
  CHECK(edit.text() == "hört zu");
  CHECK(edit.undo() && edit.text() == "hört ");
  CHECK(edit.undo() && edit.text() == "hört");
  CHECK(edit.undo() && edit.text().empty());
  CHECK(!edit.undo());
  CHECK(edit.redo() && edit.text() == "hört");
}

void never_splits_a_character() {
  TextEdit edit;
  const std::string text = "e\xCC\x81👩🏽\u200D🎤日"; // an accent that combines; a person with skin and microphone
  edit.insert(text);
  int steps = 0;
  for (; edit.caret() > 0; ++steps) {
    edit.move(Step::left, false);
    CHECK(clean_utf8(text.substr(0, edit.caret())) == text.substr(0, edit.caret()));
  }
  CHECK(steps == 3);
  for (size_t i = 0; i <= text.size(); ++i) {
    edit.place(i, false);
    CHECK(is_boundary(text, edit.caret()) && edit.caret() <= i);
  }
  edit.place(text.size(), false);
  edit.erase(Step::left);
  edit.erase(Step::left);
  CHECK(edit.text() == "e\xCC\x81");
  edit.erase(Step::left);
  CHECK(edit.text().empty());
}

void selects_words_and_lines() {
  TextEdit edit(TextEdit::Lines::many);
  edit.insert("one über日 two\nthree");
  edit.select_word(6);
  CHECK(edit.selected() == "über日");
  edit.select_word(3);
  CHECK(edit.selected() == " ");
  edit.select_word(edit.text().size());
  CHECK(edit.selected() == "three");
  edit.select_line(2);
  CHECK(edit.selected() == "one über日 two\n");
  edit.select_all();
  CHECK(edit.selected() == edit.text());
  edit.place(0, false);
  edit.move(Step::word_right, true);
  CHECK(edit.selected() == "one");
  edit.move(Step::word_right, false);
  edit.move(Step::word_left, true);
  CHECK(edit.selected() == "über日");
}

void keeps_to_lines_bytes_and_valid_text() {
  TextEdit one;
  one.insert("a\r\nb\tc\x01\xFF");
  CHECK(one.text() == "a b c\xEF\xBF\xBD");
  TextEdit many(TextEdit::Lines::many, 8);
  many.insert("1\r\n2\r3");
  CHECK(many.text() == "1\n2\n3");
  many.insert("日日日");
  CHECK(many.text() == "1\n2\n3日"); // two more bytes do not hold another one
  many.set_text("new");
  CHECK(many.text() == "new" && !many.undo() && many.caret() == 3);
}

// Each character is 10 wide.
std::vector<float> measure(std::string_view line) {
  std::vector<float> edges(line.size() + 1);
  float x = 0;
  for (size_t i = 0; i < line.size(); i = next_boundary(line, i)) {
    for (size_t k = i; k < next_boundary(line, i); ++k) {
      edges[k] = x;
    }
    x += 10;
  }
  edges[line.size()] = x;
  return edges;
}

void rows_hold_all_text_in_their_width() {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    static const std::array<const char*, 6> kPieces{"a", "é", " ", "\n", "日本語", "longer "};
    std::string text;
    for (unsigned i = 0; i < random() % 60; ++i) {
      text += kPieces[random() % kPieces.size()];
    }
    const float width = 30 + static_cast<float>(random() % 100);
    Rows rows;
    rows.break_text(text, width, measure);
    std::string joined;
    for (size_t i = 0; i < rows.count(); ++i) {
      const Row& row = rows.at(i);
      joined += text.substr(row.begin, row.end - row.begin);
      const bool ends_line = row.end < text.size() && text[row.end] == '\n';
      joined += ends_line ? "\n" : "";
      // A space that ends a row may stand out.
      const bool has_space = row.end > row.begin && text[row.end - 1] == ' ';
      CHECK(row.edges.back() <= width + (has_space ? 10.0F : 0.0F));
      CHECK(row.edges.size() == row.end - row.begin + 1 && is_boundary(text, row.begin));
    }
    CHECK(joined == text);
    for (size_t at = 0; at <= text.size(); at = at < text.size() ? next_boundary(text, at) : at + 1) {
      const size_t row = rows.row_of(at);
      CHECK(rows.offset_at(row, rows.x_of(at) + 3) == at);
    }
  }
}

void rows_break_at_words() {
  Rows rows;
  rows.break_text("one two\nthreefour", 50, measure);
  CHECK(rows.count() == 4);
  CHECK(rows.at(0).end == 4 && rows.at(1).begin == 4 && rows.at(1).end == 7);
  CHECK(rows.at(2).end - rows.at(2).begin == 5); // a word that is too long is cut
  CHECK(rows.row_of(4) == 1 && rows.x_of(4) == 0);
  CHECK(rows.offset_at(0, 1000) == 3); // the caret stays in the row that was clicked
  rows.break_text("", 50, measure);
  CHECK(rows.count() == 1 && rows.x_of(0) == 0 && rows.offset_at(0, 5) == 0);
}

} // namespace

int main() {
  return check::run_all({
      {"agrees with a naive model", agrees_with_a_naive_model},
      {"undoes and redoes everything", undoes_and_redoes_everything},
      {"undoes a typed word at once", undoes_a_typed_word_at_once},
      {"never splits a character", never_splits_a_character},
      {"selects words and lines", selects_words_and_lines},
      {"keeps to lines, bytes and valid text", keeps_to_lines_bytes_and_valid_text},
      {"rows hold all text in their width", rows_hold_all_text_in_their_width},
      {"rows break at words", rows_break_at_words},
  });
}
