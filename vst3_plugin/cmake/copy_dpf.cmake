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
  correct_file("${clap}" "#include \"DistrhoPluginInternal.hpp\"" "#include \"DistrhoPluginInternal.hpp\"\n#include <algorithm>\n#include <cmath>")

  # A part that ends inside a string does not end the string, whatever byte lay behind the part before.
  foreach(path IN ITEMS "${vst3}" "${clap}")
    correct_file("${path}" "if (buffer[i] == '\\0')" "if (i < read && buffer[i] == '\\0')")
  endforeach()
  file(TOUCH "${TARGET}/copy_is_complete")
endfunction()
