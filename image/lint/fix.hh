// The lines that `lint` advises to put into a Containerfile.
#pragma once

#include <string>
#include <string_view>

namespace osb::image {

// "RUN COMMAND PATH", with the path as one word of the shell, and "   # NOTE" behind it if there is a note.
// `command` and `note` are trusted text. A path that a line cannot show as it is (control bytes, '\', no
// UTF-8, very long) or that looks like an option gives a sentence without a line to copy.
std::string run_line(std::string_view command, std::string_view path, std::string_view note = {});

}  // namespace osb::image
