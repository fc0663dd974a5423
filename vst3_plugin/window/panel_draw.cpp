// What the window looks like.
#include "panel.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace acebridge::window {
namespace {

std::string spell_eta(double eta_s) {
  std::array<char, 64> text{};
  if (eta_s < 0) {
    return "";
  }
  if (eta_s < 90) {
    (void)std::snprintf(text.data(), text.size(), "about %.0f s left", std::ceil(eta_s));
  } else {
    (void)std::snprintf(text.data(), text.size(), "about %.0f min left", std::ceil(eta_s / 60));
  }
  return text.data();
}

} // namespace

Look Panel::look_of(Part part, bool is_on) const { return {is_enabled(part), hovered_ == part, is_on}; }

void Panel::draw() {
  const std::optional<Selection> selection = shown_selection();
  canvas_.fill({0, 0, width_, height_}, colors::kBack);
  const bool captures = whole(Id::capture) != 0;
  draw_button(canvas_, layout_.capture, captures ? "Capture: on" : "Capture: off", look_of(Part::capture, captures));
  canvas_.text({layout_.region.x, layout_.region.middle()}, wave_.describe(selection), 14, wave_.is_empty() ? colors::kDim : colors::kText);
  if (!wave_.is_empty()) {
    canvas_.text({layout_.region.right(), layout_.region.middle()}, "drag: select \xC2\xB7 double click: all \xC2\xB7 wheel: zoom", 12, colors::kOff,
                 Align::right);
  }
  wave_.draw(canvas_, selection, whole(Id::take), playhead());
  draw_controls();
  const char* const hint = job_.status == Status::working ? "They will be here." : "Press Go to make some.";
  list_.draw(canvas_, wave_.timeline(), whole(Id::take), playing(), can_listen(), hint);
  draw_status();
  if (popup_) {
    const auto low = static_cast<int>(kParameterTable[static_cast<size_t>(popup_choice_->id)].low);
    draw_popup(canvas_, *popup_, labels_of(popup_choice_->id), whole(popup_choice_->id) - low);
  }
}

void Panel::draw_controls() {
  for (Field* field : fields_) {
    field->draw(canvas_);
  }
  for (const Choice& choice : kChoices) {
    if (!is_shown(choice.part)) {
      continue;
    }
    const auto low = static_cast<int>(kParameterTable[static_cast<size_t>(choice.id)].low);
    const std::string value = labels_of(choice.id)[static_cast<size_t>(whole(choice.id) - low)];
    const bool is_open = popup_ && popup_choice_ == &choice;
    draw_choice(canvas_, layout_.*choice.area, choice.label, value, look_of(choice.part, is_open));
  }
  for (const Choice& slider : kSliders) {
    std::array<char, 16> text{};
    (void)std::snprintf(text.data(), text.size(), "%.2f", static_cast<double>(value(slider.id)));
    draw_slider(canvas_, layout_.*slider.area, slider.label, value(slider.id), text.data(), look_of(slider.part));
  }
}

void Panel::draw_status() {
  const Status status = core_.status();
  draw_button(canvas_, layout_.go, "Go", look_of(Part::go, job_.status != Status::working));
  draw_button(canvas_, layout_.cancel, "Cancel", look_of(Part::cancel));
  draw_button(canvas_, layout_.vary, "Vary take", look_of(Part::vary));
  const Rect& bar = layout_.progress;
  canvas_.fill(bar, colors::kField, 4);
  if (job_.status == Status::working) {
    const float share = std::min(std::max(job_.progress, 0.0F), 1.0F);
    canvas_.fill({bar.x, bar.y, bar.width * share, bar.height}, colors::kAccentDark, 4);
    canvas_.text({bar.x + 10, bar.middle()}, std::to_string(std::lround(share * 100)) + " %", 14, colors::kText);
    canvas_.text({bar.right() - 10, bar.middle()}, spell_eta(job_.eta_s), 14, colors::kText, Align::right);
  } else {
    canvas_.text({bar.x + 10, bar.middle()}, kStatusNames[static_cast<size_t>(status)], 14, colors::kDim);
  }
  canvas_.outline(bar, colors::kEdge, 4);

  const bool is_of_job = status == Status::ready || status == Status::working || status == Status::done || status == Status::failed;
  std::string sentence = kStatusSentences[static_cast<size_t>(status)];
  if (!notice_.empty()) {
    sentence = notice_;
  } else if (is_of_job && !job_.sentence.empty()) {
    sentence = job_.sentence;
  } else if (status == Status::ready && wave_.is_empty()) {
    sentence = "Ready. Switch Capture on, and start the transport over the bars that you want to work on.";
  }
  const bool is_alarm = !notice_.empty() || status == Status::failed || status == Status::lost || status == Status::full || status > Status::failed;
  const float width = layout_.sentence.width - (job_.offers_start ? layout_.start.width + kGap : 0);
  Rows rows;
  rows.break_text(sentence, width, [&](std::string_view line) { return canvas_.edges(line, 14); });
  canvas_.clip(layout_.sentence);
  for (size_t i = 0; i < rows.count(); ++i) {
    const Row& row = rows.at(i);
    const float y = layout_.sentence.y + 9 + 18 * static_cast<float>(i);
    canvas_.text({layout_.sentence.x, y}, std::string_view(sentence).substr(row.begin, row.end - row.begin), 14, is_alarm ? colors::kAlarm : colors::kText);
  }
  canvas_.release();
  if (job_.offers_start) {
    draw_button(canvas_, layout_.start, "Start AceBridge", look_of(Part::start, true));
  }
}

} // namespace acebridge::window
