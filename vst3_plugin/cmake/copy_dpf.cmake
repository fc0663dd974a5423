# Copies DPF into the build folder and corrects there what is wrong in version 1.6, each place once. A text that is not found
# ends the build: DPF has changed, and its row has to be looked at again.

function(correct_file PATH OLD NEW)
  file(READ "${PATH}" text)
  string(FIND "${text}" "${OLD}" position)
  if(position EQUAL -1)
    message(FATAL_ERROR "${PATH} does not hold\n  ${OLD}\nany more. Look at DPF's version, then at vst3_plugin/cmake/copy_dpf.cmake.")
  endif()
  string(REPLACE "${OLD}" "${NEW}" text "${text}")
  file(WRITE "${PATH}" "${text}")
endfunction()

function(copy_dpf SOURCE TARGET)
  if(NOT EXISTS "${SOURCE}/distrho/DistrhoPlugin.hpp")
    message(FATAL_ERROR "There is no DPF in ${SOURCE}. Install Debian's dpf-source, or give its folder: -DDPF_PATH=...")
  endif()
  if(EXISTS "${TARGET}/copy_is_complete" AND "${TARGET}/copy_is_complete" IS_NEWER_THAN "${CMAKE_CURRENT_FUNCTION_LIST_FILE}")
    return()
  endif()
  file(REMOVE_RECURSE "${TARGET}")
  file(COPY "${SOURCE}/" DESTINATION "${TARGET}")
  set(vst3 "${TARGET}/distrho/src/DistrhoPluginVST3.cpp")
  set(clap "${TARGET}/distrho/src/DistrhoPluginCLAP.cpp")
  set(export "${TARGET}/distrho/src/DistrhoPluginLV2export.cpp")
  set(x11 "${TARGET}/dgl/src/pugl-upstream/src/x11.c")

  # A bar is no whole number of quarters in 7/8, and none at all in 1/8: that divided by zero, which ends the host.
  correct_file("${vst3}" "const int    ppqPerBar = ctx->time_sig_numerator * 4 / ctx->time_sig_denom;"
    "const double ppqPerBar = ctx->time_sig_numerator * 4.0 / std::max<int>(1, ctx->time_sig_denom);")
  correct_file("${vst3}" "static_cast<int32_t>(ppqPos) / ppqPerBar + 1;" "static_cast<int32_t>(ppqPos / ppqPerBar) + 1;")

  # A trigger that a host sets was not passed on, and would have stayed up in the host.
  correct_file("${vst3}" "if (!fPlugin.isParameterOutputOrTrigger(index))
            fPlugin.setParameterValue(index, value);"
    "if (!fPlugin.isParameterOutput(index))
            fPlugin.setParameterValue(index, value);")
  correct_file("${vst3}" "curValue = fPlugin.getParameterValue(i);

                if (d_isEqual(curValue, fPlugin.getParameterDefault(i)))
                    continue;"
    "curValue = fPlugin.getParameterDefault(i);

                if (d_isEqual(curValue, fCachedParameterValues[kVst3InternalParameterBaseCount + i]))
                    continue;")

  # Text that the window sets goes to the plug-in as a message, a byte a character. Bytes that are no ASCII were left out, and whatever
  # lay in the memory before stood in their places. The other end takes the lower half of each character already.
  correct_file("${TARGET}/distrho/src/DistrhoPluginVST.hpp" "        strncpy_utf16(str, s, len + 1);"
    "        for (size_t i = 0; i <= len; ++i)
            str[i] = static_cast<uint8_t>(s[i]);")

  # CLAP's steady time counts frames since the start of the engine. It is no position in the song.
  correct_file("${clap}" "fTimePosition.frame = process->steady_time >= 0 ? process->steady_time : 0;"
    "fTimePosition.frame = static_cast<uint64_t>(
                (transport->flags & CLAP_TRANSPORT_HAS_SECONDS_TIMELINE) != 0
                    ? static_cast<int64_t>(std::llround(static_cast<double>(transport->song_pos_seconds) / CLAP_SECTIME_FACTOR * fPlugin.getSampleRate()))
                : (transport->flags & CLAP_TRANSPORT_HAS_BEATS_TIMELINE) != 0 && transport->tempo > 0
                    ? static_cast<int64_t>(std::llround(static_cast<double>(transport->song_pos_beats) / CLAP_BEATTIME_FACTOR * 60.0 / transport->tempo * fPlugin.getSampleRate()))
                    : process->steady_time >= 0 ? process->steady_time : 0);")

  # CLAP's beats are quarters, those of the meter may be others.
  correct_file("${clap}" "const int64_t clapPos   = std::abs(transport->song_pos_beats);"
    "const int64_t clapPos   = transport->song_pos_beats * std::max<int>(1, transport->tsig_denom) / 4;")
  correct_file("${clap}" "static_cast<int32_t>(clapBeats) / transport->tsig_num + 1;"
    "static_cast<int32_t>(clapBeats / std::max<int>(1, transport->tsig_num)) + 1;")
  correct_file("${clap}" "static_cast<int32_t>(clapBeats % transport->tsig_num) + 1;"
    "static_cast<int32_t>(clapBeats % std::max<int>(1, transport->tsig_num)) + 1;")

  # A host may take a part of a state at a time. The next part begins where that one ended.
  correct_file("${clap}" "wrtn = stream->write(stream, buffer, size - wrtntotal);"
    "wrtn = static_cast<int32_t>(stream->write(stream, buffer + wrtntotal, size - wrtntotal));")
  correct_file("${clap}" "#include \"DistrhoPluginInternal.hpp\"" "#include \"DistrhoPluginInternal.hpp\"\n#include <algorithm>\n#include <atomic>\n#include <cmath>")

  # A part that ends inside a string does not end the string, whatever byte lay behind the part before.
  foreach(path IN ITEMS "${vst3}" "${clap}")
    correct_file("${path}" "if (buffer[i] == '\\0')" "if (i < read && buffer[i] == '\\0')")
  endforeach()

  # A host of CLAP that sets a scale asks for the size before there is a window.
  correct_file("${clap}" "if (d_isZero(scaleFactor))
            scaleFactor = 1.0;" "if (d_isZero(scaleFactor))
            scaleFactor = 1.0;
        *width = static_cast<uint32_t>(*width * scaleFactor + 0.5);
        *height = static_cast<uint32_t>(*height * scaleFactor + 0.5);")

  # The audio thread looks at a flag before it tries the lock of what the window has set.
  correct_file("${clap}" "            std::memcpy(&events[used++], &event, sizeof(Event));"
    "            std::memcpy(&events[used++], &event, sizeof(Event));
            waiting.store(true, std::memory_order_release);")
  correct_file("${clap}" "if (const clap_output_events_t* const outputEvents = process->out_events)"
    "if (const clap_output_events_t* const outputEvents = fEventQueue.waiting.load(std::memory_order_acquire) ? process->out_events : nullptr)")
  correct_file("${clap}" "                fEventQueue.used = 0;
"
    "                fEventQueue.used = 0;
                fEventQueue.waiting.store(false, std::memory_order_relaxed);
")
  correct_file("${clap}" "        void addEventFromUI(const Event& event)"
    "        std::atomic<bool> waiting{false};

        void addEventFromUI(const Event& event)")

  # What `malloc` gave is freed.
  correct_file("${clap}" "            delete[] events;" "            std::free(events);")

  # CLAP hosts are told that the project has changed.
  correct_file("${clap}" "        fPluinEventQueue->setStateFromUI(key, value);"
    "        fPluinEventQueue->setStateFromUI(key, value);
        if (const clap_host_state_t* const state = static_cast<const clap_host_state_t*>(fHost->get_extension(fHost, CLAP_EXT_STATE)))
            state->mark_dirty(fHost);")

  # In LV2 the window stays a binary of its own, which hosts without a screen need not load.
  correct_file("${export}" "# if ! DISTRHO_PLUGIN_WANT_DIRECT_ACCESS
    pluginUI.truncate(pluginDLL.rfind(\"_dsp\"));
    pluginUI += \"_ui\";
" "    pluginUI.truncate(pluginDLL.rfind(\"_dsp\"));
    pluginUI += \"_ui\";
# if ! DISTRHO_PLUGIN_WANT_DIRECT_ACCESS
")

  # The keyboard is the host's: the window asks for keys when a field has the focus, and gives them back with it. It asks at once,
  # since another connection gives them back. A message that it was lost may be older than the click that took it again.
  correct_file("${x11}" "  attr.event_mask |= KeyPressMask;\n  attr.event_mask |= KeyReleaseMask;\n" "")
  correct_file("${x11}" "  XSetInputFocus(display, impl->win, RevertToNone, CurrentTime);"
    "  XSelectInput(display, impl->win, attrs.your_event_mask | KeyPressMask | KeyReleaseMask);
  XSetInputFocus(display, impl->win, RevertToParent, CurrentTime);
  XSync(display, False);")
  correct_file("${x11}" "        XUnsetICFocus(view->impl->xic);
      }"
    "        XUnsetICFocus(view->impl->xic);
      }
      if (xevent.xfocus.mode != NotifyGrab && xevent.xfocus.mode != NotifyUngrab && xevent.xfocus.detail != NotifyPointer &&
          !puglHasFocus(view)) {
        XWindowAttributes attrs = PUGL_INIT_STRUCT;
        if (XGetWindowAttributes(display, impl->win, &attrs)) {
          XSelectInput(display, impl->win, attrs.your_event_mask & ~(KeyPressMask | KeyReleaseMask));
        }
        st0 = puglDispatchEvent(view, &event);
      }")

  # Input methods talk in messages of their own, and commit text of any length. Keyboards change while the window is open.
  correct_file("${x11}" "    PuglView* const view = findView(world, xevent.xany.window);"
    "    if (xevent.type != KeyPress && xevent.type != KeyRelease && XFilterEvent(&xevent, None)) {
      continue;
    }
    if (xevent.type == MappingNotify) {
      XRefreshKeyboardMapping(&xevent.xmapping);
      continue;
    }

    PuglView* const view = findView(world, xevent.xany.window);")
  correct_file("${x11}" "lookupString(XIC xic, XEvent* const xevent, char* const str, KeySym* const sym)"
    "lookupString(XIC xic, XEvent* const xevent, char* const str, const int size, KeySym* const sym)")
  correct_file("${x11}" "Xutf8LookupString(xic, &xevent->xkey, str, 7, sym, &status);"
    "Xutf8LookupString(xic, &xevent->xkey, str, size, sym, &status);")
  correct_file("${x11}" "XmbLookupString(xic, &xevent->xkey, str, 7, sym, &status);"
    "XmbLookupString(xic, &xevent->xkey, str, size, sym, &status);")
  correct_file("${x11}" "    char      sstr[8] = {0};
    const int sfound  = lookupString(view->impl->xic, xevent, sstr, &sym);
    if (sfound > 0) {
      // Dispatch key event now
      puglDispatchEvent(view, event);
"
    "    char      all[4096] = {0};
    char      sstr[8] = {0};
    const int sfound  = lookupString(view->impl->xic, xevent, all, (int)sizeof(all) - 1, &sym);
    if (sfound > 0) {
      // Dispatch key event now
      puglDispatchEvent(view, event);

      // One text event for each character, the last of them below
      int first = 0;
      for (int i = 1; i <= sfound; ++i) {
        if (i < sfound && ((unsigned char)all[i] & 0xC0) == 0x80) {
          continue;
        }
        memset(sstr, 0, sizeof(sstr));
        memcpy(sstr, all + first, (size_t)(i - first < 7 ? i - first : 7));
        first = i;
        if (i < sfound) {
          PuglEvent text = *event;
          text.text.type = PUGL_TEXT;
          text.text.character = puglDecodeUTF8((const uint8_t*)sstr);
          memcpy(text.text.string, sstr, sizeof(sstr));
          puglDispatchEvent(view, &text);
        }
      }
")
  file(TOUCH "${TARGET}/copy_is_complete")
endfunction()
