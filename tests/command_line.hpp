#pragma once
// The command line of a program that tests run.

#include <boost/program_options.hpp>
#include <iostream>

namespace tapline::test {

/// False, after printing why, where the arguments are no good or ask for --help.
inline bool parse_command_line(int argc, char** argv,
                               const boost::program_options::options_description& described) {
  namespace po = boost::program_options;
  try {  // program_options reports by exceptions
    po::variables_map values;
    po::store(po::parse_command_line(argc, argv, described), values);
    if (values.count("help") > 0) {
      std::cout << described;
      return false;
    }
    po::notify(values);
    return true;
  } catch (const po::error& error) {
    std::cerr << argv[0] << ": " << error.what() << "\n";
    return false;
  }
}

}  // namespace tapline::test
