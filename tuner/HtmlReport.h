// A tuning run as one page that needs no network: tables, and plots of what was tried.
#ifndef JVPGEN_TUNER_HTMLREPORT_H
#define JVPGEN_TUNER_HTMLREPORT_H

#include "tuner/Tuner.h"

namespace jvpgen::tuner {

std::string htmlReport(const TuningReport &report);

} // namespace jvpgen::tuner

#endif
