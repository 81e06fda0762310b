// osb-oci-generate, for scripts/generate: writes the files that are generated from the tables of the verbs.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "cli/options/generated.hh"

namespace {

void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file) throw osb::Error(osb::ErrorKind::io, osb::concat("cannot write ", osb::quoted(path.string())));
}

void generate(const std::filesystem::path& top) {
    if (!std::filesystem::exists(top / "README.md"))
        throw osb::Error(osb::ErrorKind::not_found,
                         osb::concat("no README.md in ", osb::quoted(top.string())));
    std::filesystem::create_directories(top / "man");
    // Remove the page of a verb that does not exist any more.
    for (const auto& entry : std::filesystem::directory_iterator(top / "man")) {
        if (entry.path().extension() == ".1") std::filesystem::remove(entry.path());
    }
    for (const osb::cli::GeneratedFile& page : osb::cli::manual_pages()) write(top / page.path, page.text);
    std::ifstream readme(top / "README.md", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(readme), {}};
    write(top / "README.md", osb::cli::with_verb_list(text));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: osb-oci-generate TOP\n";
        return 2;
    }
    try {
        generate(argv[1]);
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "osb-oci-generate: " << error.what() << '\n';
        return 1;
    }
}
