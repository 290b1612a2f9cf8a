/* Marks what is to be translated. */
#ifndef GATEWAY_GATEWAYCTL_WORDS_H
#define GATEWAY_GATEWAYCTL_WORDS_H

#define _(text) (text)

#endif
