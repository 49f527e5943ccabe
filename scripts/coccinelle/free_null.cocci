// SPDX-License-Identifier: GPL-2.0
/// free() takes NULL: no test before it.
// Confidence: High
// Options: --no-includes

virtual report

@r@
position p;
expression e;
@@

(
 if (e) free@p(e);
|
 if (e != NULL) free@p(e);
)

@script:python depends on report@
p << r.p;
@@

coccilib.report.print_report(p[0], "free() takes NULL: the test before it is not needed")
