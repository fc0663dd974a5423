// The window as a DPF UI. Nothing but translation belongs here.
#include "core_holder.hpp"
#include "data_folder.hpp"
#include "nano_canvas.hpp"
#include "panel.hpp"
#include "utf8.hpp"

#include "DistrhoUI.hpp"

#ifdef HAVE_X11
#include "x11_desktop.hpp"
#endif

#include <chrono>
#include <future>
#include <set>

START_NAMESPACE_DISTRHO

namespace {

namespace window = acebridge::window;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLeastBetweenFrames{40};
constexpr uint32_t kDoubleClickMs = 400;
constexpr double kDoubleClickPixels = 5;

struct NamedKey {
  uint32_t key;
  window::KeyName name;
};

constexpr std::array<NamedKey, 14> kNamedKeys{{
    {kKeyLeft, window::KeyName::left},
    {kKeyRight, window::KeyName::right},
    {kKeyUp, window::KeyName::up},
    {kKeyDown, window::KeyName::down},
    {kKeyHome, window::KeyName::home},
    {kKeyEnd, window::KeyName::end},
    {kKeyPageUp, window::KeyName::page_up},
    {kKeyPageDown, window::KeyName::page_down},
    {kKeyBackspace, window::KeyName::backspace},
    {kKeyDelete, window::KeyName::remove},
    {'\r', window::KeyName::enter},
    {kKeyEscape, window::KeyName::escape},
    {'\t', window::KeyName::tab},
    {'\n', window::KeyName::enter},
}};

window::Modifiers modifiers_of(uint32_t mod) {
#ifdef DISTRHO_OS_MAC
  constexpr uint32_t kCommand = kModifierSuper;
#else
  constexpr uint32_t kCommand = kModifierControl;
#endif
  return {(mod & kModifierShift) != 0, (mod & kCommand) != 0, (mod & kModifierAlt) != 0};
}

window::KeyPress key_of(uint32_t key, uint32_t mod) {
  window::KeyPress press;
  press.modifiers = modifiers_of(mod);
  press.code = key;
  for (const NamedKey& row : kNamedKeys) {
    if (row.key == key) {
      press.name = row.name;
      return press;
    }
  }
  const bool is_private = key >= 0xE000 && key <= 0xF8FF; // function keys and modifiers
  press.name = key >= 0x20 && !is_private ? window::KeyName::character : window::KeyName::other;
  return press;
}

} // namespace

class AceBridgeWindow : public UI, public window::Outside {
public:
  AceBridgeWindow() : canvas_(*this) {
    fit(getScaleFactor());
    plugin_ = static_cast<CoreHolder*>(static_cast<Plugin*>(getPluginInstancePointer()));
    if (plugin_ != nullptr) {
      panel_ = std::make_unique<window::Panel>(plugin_->core(), *this, canvas_);
      panel_->resize(logical(getWidth()), logical(getHeight()));
    }
#ifdef HAVE_X11
    desktop_ = std::make_unique<window::X11Desktop>(getWindow().getNativeWindowHandle());
#endif
  }

protected:
  // ---- from the host ----

  void parameterChanged(uint32_t /*index*/, float /*value*/) override {} // the panel looks at the core

  void stateChanged(const char* name, const char* /*value*/) override {
    for (size_t i = 0; panel_ && i < acebridge::kKeys.size(); ++i) {
      if (std::strcmp(name, acebridge::kKeys[i]) == 0) {
        panel_->text_changed(static_cast<acebridge::Key>(i));
      }
    }
  }

  void uiScaleFactorChanged(double scale) override { fit(scale); }

  void uiFocus(bool focus, CrossingMode mode) override {
    if (!focus && mode == kCrossingNormal && panel_) {
      panel_->lose_keyboard();
    }
  }

  void onResize(const ResizeEvent& event) override {
    UI::onResize(event);
    if (panel_) {
      panel_->resize(logical(event.size.getWidth()), logical(event.size.getHeight()));
    }
  }

  void uiIdle() override {
    if (!panel_) {
      return;
    }
    look_at_desktop();
    needs_frame_ = panel_->tick() || needs_frame_;
    const Clock::time_point now = Clock::now();
    if (needs_frame_ && now - last_frame_ >= kLeastBetweenFrames) {
      needs_frame_ = false;
      last_frame_ = now;
      repaint();
    }
  }

  void onNanoDisplay() override {
    canvas_.begin();
    if (panel_) {
      panel_->draw();
    } else {
      canvas_.fill({0, 0, logical(getWidth()), logical(getHeight())}, window::colors::kBack, 0);
      canvas_.text({20, 30}, "This host does not let the window reach the plug-in. Use the host's own controls, or another format.", 14,
                   window::colors::kText, window::Align::left);
    }
    canvas_.end();
  }

  // ---- input ----

  bool onMouse(const MouseEvent& event) override {
    if (!panel_ || event.button != kMouseButtonLeft) {
      return false;
    }
    const window::Point at = logical(event.pos);
    if (!event.press) {
      return panel_->release(at);
    }
    const bool is_again = event.time - click_time_ < kDoubleClickMs && std::abs(event.pos.getX() - click_at_.getX()) < kDoubleClickPixels &&
                          std::abs(event.pos.getY() - click_at_.getY()) < kDoubleClickPixels;
    clicks_ = is_again ? clicks_ + 1 : 1;
    click_time_ = event.time;
    click_at_ = event.pos;
    return panel_->press(at, clicks_, modifiers_of(event.mod));
  }

  bool onMotion(const MotionEvent& event) override { return panel_ && panel_->move(logical(event.pos), modifiers_of(event.mod)); }

  bool onScroll(const ScrollEvent& event) override {
    return panel_ && panel_->scroll(logical(event.pos), static_cast<float>(event.delta.getY()), static_cast<float>(event.delta.getX()),
                                    modifiers_of(event.mod));
  }

  bool onKeyboard(const KeyboardEvent& event) override {
    bool is_used = false;
    if (event.press) {
      is_used = panel_ && panel_->key(key_of(event.key, event.mod));
      if (is_used) {
        used_keys_.insert(event.keycode);
      }
    } else {
      is_used = used_keys_.erase(event.keycode) > 0;
    }
#ifdef HAVE_X11
    // A key that the host gave us has no time: what we do not use, the host knows from the answer.
    if (!is_used && event.time != 0 && event.keycode != 0) {
      desktop_->pass_key(event.press, event.keycode, modifiers_of(event.mod), (event.mod & kModifierSuper) != 0);
    }
#endif
    return is_used;
  }

  bool onCharacterInput(const CharacterInputEvent& event) override {
    const bool is_command = ((event.mod & kModifierControl) != 0) != ((event.mod & kModifierAlt) != 0);
    std::string text = event.string;
    if (text.empty() && event.character >= 0x20 && (event.character < 0xD800 || event.character > 0xF8FF)) {
      window::append_utf8(text, event.character);
    }
    const bool is_control = text.empty() || static_cast<unsigned char>(text[0]) < 0x20 || text[0] == 0x7F;
    return !is_command && !is_control && panel_ && panel_->text(text);
  }

private:
  float logical(double pixels) const { return static_cast<float>(pixels / scale_); }
  window::Point logical(const Point<double>& at) const { return {logical(at.getX()), logical(at.getY())}; }

  void fit(double scale) {
    scale_ = scale > 0 ? scale : 1;
    canvas_.set_scale(static_cast<float>(scale_));
    const auto pixels = [&](float length) { return static_cast<uint>(std::lround(static_cast<double>(length) * scale_)); };
    setGeometryConstraints(pixels(window::kLeastWidth), pixels(window::kLeastHeight), false, false);
    if (getWidth() != pixels(window::kWidth) || getHeight() != pixels(window::kHeight)) {
      setSize(pixels(window::kWidth), pixels(window::kHeight));
    }
  }

  void look_at_desktop() {
#ifdef HAVE_X11
    if (const auto text = desktop_->poll()) {
      panel_->paste(*text);
    }
    if (was_dragging_ && !desktop_->is_dragging()) {
      panel_->end_drag();
    }
    was_dragging_ = desktop_->is_dragging();
    if (take_file_.valid() && take_file_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
      const std::string path = take_file_.get();
      if (path.empty()) {
        panel_->say("The take cannot be dragged: its audio is not here, or " + acebridge::data_folder() +
                    " cannot be written. Start the daemon that made it, or free some space.");
      } else {
        desktop_->start_drag(path);
      }
    }
#endif
  }

  // ---- what the panel asks for ----

  void begin_edit(acebridge::Id id) override { editParameter(static_cast<uint32_t>(id), true); }
  void set_parameter(acebridge::Id id, float value) override { setParameterValue(static_cast<uint32_t>(id), value); }
  void end_edit(acebridge::Id id) override { editParameter(static_cast<uint32_t>(id), false); }
  void set_text(acebridge::Key key, const std::string& text) override { setState(acebridge::kKeys[static_cast<size_t>(key)], text.c_str()); }

#ifdef HAVE_X11
  void copy(const std::string& text) override { desktop_->copy(text); }
  void ask_paste() override { desktop_->ask_paste(); }
  void take_keyboard() override {
    desktop_->remember_focus();
    getWindow().focus();
  }
  void give_keyboard() override { desktop_->give_keyboard(); }
  void show_cursor(window::Cursor cursor) override { desktop_->show_cursor(cursor); }

  void drag_take(const acebridge::TakeRegion& take) override { take_file_ = plugin_->find_take_file(take); }
#else
  // Untested: no other platform than X11 has run it. A take is not dragged out there.
  void copy(const std::string& text) override { setClipboard(nullptr, text.c_str(), text.size() + 1); }
  void ask_paste() override {
    size_t size = 0;
    const auto* const text = static_cast<const char*>(getClipboard(size));
    if (text != nullptr) {
      panel_->paste(std::string_view(text, strnlen(text, size)));
    }
  }
  void take_keyboard() override { getWindow().focus(); }
  void give_keyboard() override {}
  void show_cursor(window::Cursor cursor) override {
    constexpr std::array<MouseCursor, 4> kCursors{kMouseCursorArrow, kMouseCursorCaret, kMouseCursorHand, kMouseCursorLeftRight};
    getWindow().setCursor(kCursors[static_cast<size_t>(cursor)]);
  }
  void drag_take(const acebridge::TakeRegion&) override { panel_->say("Takes can be dragged out of the window under X11 only."); }
#endif

  CoreHolder* plugin_ = nullptr;
  window::NanoCanvas canvas_;
  double scale_ = 1;
  std::unique_ptr<window::Panel> panel_;
#ifdef HAVE_X11
  std::unique_ptr<window::X11Desktop> desktop_;
  std::future<std::string> take_file_;
  bool was_dragging_ = false;
#endif
  std::set<uint32_t> used_keys_;
  bool needs_frame_ = true;
  Clock::time_point last_frame_;
  int clicks_ = 0;
  uint32_t click_time_ = 0;
  Point<double> click_at_;

  DISTRHO_DECLARE_NON_COPYABLE_WITH_LEAK_DETECTOR(AceBridgeWindow)
};

UI* createUI() { return new AceBridgeWindow(); }

END_NAMESPACE_DISTRHO
