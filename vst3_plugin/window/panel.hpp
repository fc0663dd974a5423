// The whole window: all its controls, what the mouse and keys do to them, and what they show of the core.
#pragma once

#include "controls.hpp"
#include "field.hpp"
#include "layout.hpp"
#include "outside.hpp"
#include "take_list.hpp"
#include "wave_view.hpp"

#include <array>
#include <optional>

namespace acebridge::window {

class Panel {
public:
  // All three outlive it.
  Panel(Core& core, Outside& outside, Canvas& canvas);

  void resize(float width, float height);
  void draw();
  // To be called often: looks at the core, and returns whether there is something new to draw.
  bool tick();

  // What is pressed is judged by the core as it is then, not as it was drawn last. Each returns whether it meant something; what did not is the host's.
  bool press(Point at, int clicks, const Modifiers& modifiers);
  bool move(Point at, const Modifiers& modifiers);
  bool release(Point at);
  bool scroll(Point at, float across, float along, const Modifiers& modifiers);
  bool key(const KeyPress& press);
  bool text(std::string_view typed);
  void paste(std::string_view text);

  void lose_keyboard();
  // The host has set a text, or a drag out of the window has ended.
  void text_changed(Key key);
  void end_drag();
  // A sentence that stands in place of the state until the next press.
  void say(std::string sentence);

private:
  enum class Part { none, go, cancel, start, capture, strength, vary, variation, task, track, loudness, takes, mode, seed, wave, list, field };

  struct Choice {
    Part part;
    Id id;
    const char* label;
    Rect Layout::*area;
  };

  static const std::array<Choice, 5> kChoices;
  // Sliders are places of parameters too, and draw themselves.
  static const std::array<Choice, 2> kSliders;
  static constexpr float kDragPixels = 6;

  // What a parameter is to the user: as it was set here last, until the plug-in has taken that over.
  float value(Id id) const;
  int whole(Id id) const { return static_cast<int>(std::lround(value(id))); }
  void expect(Id id, float value);
  void set(Id id, float value);
  void pull_trigger(Id id);

  Part part_at(Point at) const;
  static const Choice* slider_of(Part part);
  bool is_enabled(Part part) const;
  // Whether a menu is drawn: of two that stand in one place it is the one that the task uses.
  bool is_shown(Part part) const;
  Field* field_at(Point at);
  void focus(Field* field);
  void edited(Field& field);
  void apply_seed();
  void enable_controls();
  void refresh();
  void look_at_core();
  std::optional<Selection> shown_selection();

  std::vector<std::string> labels_of(Id id) const;
  // Listening to a take, or to what it was made from.
  bool can_listen() const;
  int playing() const;
  std::optional<int64_t> playhead() const;
  void listen(int number);

  void open(const Choice& choice);
  bool press_popup(Point at);
  void press_list(Point at);
  void press_wave(Point at, int clicks);
  void press_part(Part part, Point at, int clicks);
  // The parameter of a slider, which is pressed at `x`.
  void set_slider(Part part, float x);
  void update_cursor(Point at);

  void draw_controls();
  void draw_status();
  Look look_of(Part part, bool is_on = false) const;

  Core& core_;
  Outside& outside_;
  Canvas& canvas_;
  Layout layout_;
  float width_ = kWidth;
  float height_ = kHeight;

  Field caption_;
  Field lyrics_;
  Field tracks_;
  Field folder_;
  Field seed_;
  std::array<Field*, 5> fields_{&caption_, &lyrics_, &tracks_, &folder_, &seed_};
  Field* focused_ = nullptr;

  WaveView wave_;
  TakeList list_;
  std::optional<Popup> popup_;
  const Choice* popup_choice_ = nullptr;

  Part hovered_ = Part::none;
  Part pressed_ = Part::none;
  Point press_at_;
  TakeList::Hit press_hit_;
  std::optional<Selection> selection_; // while it is dragged
  Cursor cursor_ = Cursor::arrow;

  // What was seen of the core.
  uint64_t revision_ = UINT64_MAX;
  std::array<float, kParameters> seen_{};
  struct Pending {
    float value = 0;
    uint32_t writes = 0; // of the parameter, before
  };
  std::array<std::optional<Pending>, kParameters> pending_;
  // Triggers that are up, with how often they were pressed before. However long the host takes, none goes down unseen.
  std::array<std::optional<uint32_t>, kParameters> pulled_;
  JobReport job_;
  Audition audition_;
  std::string notice_;
  bool has_recording_ = false;
  bool is_dirty_ = true;
};

} // namespace acebridge::window
